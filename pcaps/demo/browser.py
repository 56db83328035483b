"""Drives a headless Chromium over its pipe (Chrome DevTools Protocol, one JSON text per message, each ended by NUL).

usage: browser.py staff|shopper CHROMIUM PROFILE
"""

import json
import os
import subprocess
import sys
import time

import people

PLANS = {
    "staff": ("wangfang", ["http://crm.corp.example/"], ["http://crm.corp.example/account", "http://crm.corp.example/home"]),
    "shopper": ("lihaiyan", [f"http://shop.corp.example/products/{n}" for n in (7, 8)] + ["http://shop.corp.example/login"],
                ["http://shop.corp.example/account"]),
}
WAIT = 20  # seconds for any one answer


class Browser:
    def __init__(self, chromium, profile):
        to_read, self.to = os.pipe()
        self.answers, from_write = os.pipe()
        # The browser reads commands on descriptor 3 and answers on 4.
        plumbing = 'exec 3<&"$1" 4>&"$2"; shift 2; exec "$@"'
        self.process = subprocess.Popen([
            "bash", "-c", plumbing, "bash", str(to_read), str(from_write), chromium,
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--disable-extensions", "--disable-default-apps",
            "--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,OptimizationHints,Translate",
            "--host-resolver-rules=MAP *.corp.example 10.20.1.10, MAP * ~NOTFOUND",
            "--lang=zh-CN", f"--user-data-dir={profile}", "--remote-debugging-pipe",
        ], pass_fds=(to_read, from_write), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(from_write)
        self.rest = b""
        self.number = 0
        self.session = None

    def message(self):
        while b"\0" not in self.rest:
            piece = os.read(self.answers, 65536)
            if not piece:
                raise SystemExit("browser.py: the browser ended early")
            self.rest += piece
        text, _, self.rest = self.rest.partition(b"\0")
        return json.loads(text)

    def call(self, method, **params):
        self.number += 1
        order = {"id": self.number, "method": method, "params": params}
        if self.session:
            order["sessionId"] = self.session
        os.write(self.to, json.dumps(order).encode() + b"\0")
        while True:
            answer = self.message()
            if answer.get("id") == self.number:
                return answer["result"]

    def loaded(self):
        """Reads on until the page says that it is loaded; then leaves it time to fetch what its script wants."""
        until = time.monotonic() + WAIT
        while time.monotonic() < until:
            if self.message().get("method") == "Page.loadEventFired":
                time.sleep(0.7)
                return
        raise SystemExit("browser.py: no page within the time")


def main(plan, chromium, profile):
    account, before, after = PLANS[plan]
    browser = Browser(chromium, profile)
    agent = browser.call("Browser.getVersion")["userAgent"].replace("HeadlessChrome", "Chrome")
    target = browser.call("Target.createTarget", url="about:blank")["targetId"]
    browser.session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    browser.call("Page.enable")
    # This one plays a person; the word "Headless" would make it a machine in everyone's eyes.
    browser.call("Emulation.setUserAgentOverride", userAgent=agent, acceptLanguage="zh-CN,zh")
    for address in before:
        browser.call("Page.navigate", url=address)
        browser.loaded()
    fill = ("document.querySelector('[name=username]').value={};document.querySelector('[name=password]').value={};"
            "document.getElementById('submit').click()")
    browser.call("Runtime.evaluate", expression=fill.format(json.dumps(account), json.dumps(people.STAFF[account][0])))
    browser.loaded()
    for address in after:
        browser.call("Page.navigate", url=address)
        browser.loaded()
    browser.session = None
    browser.call("Browser.close")
    browser.process.wait(WAIT)


if __name__ == "__main__":
    main(*sys.argv[1:])
