"""The application behind nginx: a customer system with pages, a JSON API and a small shop. Listens on 127.0.0.1:8081."""

import base64
import collections
import html
import json
import threading
import time
import urllib.parse
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import people

CUSTOMERS = people.customers()
BY_ID = {person["id"]: person for person in CUSTOMERS}
PAGE = 20
COLUMNS = ["id", "name", "idCard", "mobile", "bankCard", "email", "address"]
PRODUCTS = 60
BEARERS = {}  # session id or token -> account
ISSUED = collections.Counter()
LOCK = threading.Lock()


def issue(account, make):
    """A new token or session id. Numbered by account, so that a run repeats the values of the run before."""
    with LOCK:
        ISSUED[account] += 1
        value = make(account, ISSUED[account])
        BEARERS[value] = account
    return value


def document(title, body):
    return (
        f'<!DOCTYPE html><html lang="zh-CN"><head><meta charset="utf-8"><title>{title}</title>'
        '<link rel="stylesheet" href="/static/site.css"></head><body>'
        f'<header><img src="/static/logo.svg" alt="" width="120" height="40"><h1>{title}</h1></header>{body}'
        '<script src="/static/app.js"></script></body></html>'
    )


def login_page(message=""):
    note = f'<p class="error">{message}</p>' if message else ""
    return document("客户管理系统 登录", (
        f'{note}<form method="post" action="/login"><label>账号 <input name="username" autocomplete="username"></label>'
        '<label>密码 <input type="password" name="password"></label><button id="submit">登录</button></form>'))


def product_page(number):
    colours = ["曜石黑", "雪域白", "远山青", "朱砂红", "琥珀金"]
    rows = "".join(
        f"<tr><th>规格 {row}</th><td>{(number * 37 + row * 11) % 97 + 3} × {(number * 13 + row * 7) % 61 + 5} 毫米</td></tr>"
        for row in range(1, 25))
    return document(f"保温杯 {number:03} 型", (
        f'<p class="price">¥ {49 + number * 3}.00</p><p>颜色：{colours[number % 5]}。双层不锈钢，容量 {300 + number % 7 * 50} 毫升。</p>'
        f'<table>{rows}</table><nav><a href="/products/{number % PRODUCTS + 1}">下一款</a> <a href="/products/">全部</a></nav>'))


class Crm(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024

    def log_message(self, *_):
        pass

    def reply(self, status, body=b"", kind="text/html; charset=utf-8", **headers):
        if not isinstance(body, bytes):
            body = body.encode()
        self.send_response(status)
        if status not in (204, 304):
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD" and status not in (204, 304):
            self.wfile.write(body)

    def json(self, status, value, **headers):
        self.reply(status, json.dumps(value, ensure_ascii=False), "application/json; charset=utf-8", **headers)

    def refuse(self):
        self.json(401, {"code": 40100, "message": "未登录或登录已过期"})

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def account(self):
        """Who asks: by bearer token, by session cookie, or by a token in the address."""
        scheme, _, value = (self.headers.get("Authorization") or "").partition(" ")
        if scheme == "Bearer":
            return BEARERS.get(value)
        cookie = SimpleCookie(self.headers.get("Cookie") or "").get("SID")
        if cookie:
            return BEARERS.get(cookie.value)
        return BEARERS.get(self.query.get("access_token", ""))

    def handle_any(self):
        target = urllib.parse.urlsplit(self.path)
        self.query = dict(urllib.parse.parse_qsl(target.query))
        steps = [step for step in target.path.split("/") if step]
        name = f"{self.command} {target.path}"
        if name in FIXED:
            return FIXED[name](self)
        if steps[:1] == ["products"] and len(steps) == 2 and steps[1].isdigit() and 1 <= int(steps[1]) <= PRODUCTS:
            return self.reply(200, product_page(int(steps[1])))
        if steps[:3] == ["api", "v1", "customers"] and len(steps) in (4, 5) and steps[3].isdigit():
            return self.customer(int(steps[3]), steps[4:])
        if steps[:1] == ["api"]:
            return self.json(404, {"code": 40400, "message": "接口不存在"})
        return self.reply(404, document("页面不存在", "<p>404</p>"))

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = handle_any

    # Logging in.

    def form_login(self):
        form = dict(urllib.parse.parse_qsl(self.body().decode()))
        account = form.get("username", "")
        if account in people.STAFF and people.STAFF[account][0] == form.get("password"):
            value = issue(account, people.session_id)
            return self.reply(302, Location="/home", Set_Cookie=f"SID={value}; Path=/; HttpOnly")
        return self.reply(401, login_page("用户名或密码错误"))

    def json_login(self):
        asked = json.loads(self.body())
        account = asked.get("username", "")
        if account in people.STAFF and people.STAFF[account][0] == asked.get("password"):
            return self.json(200, {"code": 0, "message": "success", "data": {
                "token": issue(account, people.token), "expiresIn": 43200, "nickname": people.STAFF[account][1]}})
        return self.json(401, {"code": 40101, "message": "用户名或密码错误"})

    def logout(self):
        self.body()
        return self.reply(204, Set_Cookie="SID=; Path=/; Max-Age=0")

    # Pages of whoever is logged in.

    def home(self):
        account = self.account()
        if not account:
            return self.reply(302, Location="/login")
        return self.reply(200, document("工作台", (
            f"<p>您好，{people.STAFF[account][1]}。今日待办 {len(account)} 项。</p>"
            '<nav><a id="account" href="/account">我的账户</a></nav>')))

    def account_page(self):
        account = self.account()
        if not account:
            return self.reply(302, Location="/login")
        person = CUSTOMERS[sorted(people.STAFF).index(account)]
        rows = "".join(
            f"<tr><th>{title}</th><td>{html.escape(value)}</td></tr>" for title, value in (
                ("姓名", people.STAFF[account][1]), ("身份证号", person["idCard"]), ("手机号", person["mobile"]),
                ("银行卡", person["bankCard"]), ("邮箱", f"{account}@corp.example")))
        return self.reply(200, document("我的账户", f"<table>{rows}</table>"))

    def me(self):
        account = self.account()
        if not account:
            return self.refuse()
        return self.json(200, {"code": 0, "data": {
            "account": account, "nickname": people.STAFF[account][1], "role": people.STAFF[account][2]}})

    # Customers.

    def customer_page(self):
        if not self.account():
            return self.refuse()
        page = int(self.query.get("page", "1"))
        return self.json(200, {
            "code": 0, "message": "success", "page": page, "pageSize": PAGE, "total": len(CUSTOMERS),
            "data": CUSTOMERS[(page - 1) * PAGE:page * PAGE]})

    def customer(self, number, rest):
        if not self.account():
            return self.refuse()
        person = BY_ID.get(number)
        if person is None or rest not in ([], ["card"]):
            return self.json(404, {"code": 40402, "message": "客户不存在"})
        if self.command == "PUT":
            changed = json.loads(self.body())
            person.update({key: value for key, value in changed.items() if key in ("mobile", "email", "address")})
            return self.json(200, {"code": 0, "message": "success"})
        return self.json(200, {"code": 0, "message": "success", "data": people.masked(person) if rest else person})

    def export(self):
        """All of them as CSV, in chunks as the rows come."""
        if not self.account():
            return self.refuse()
        self.send_response(200)
        self.send_header("Content-Type", "text/csv; charset=utf-8")
        self.send_header("Content-Disposition", 'attachment; filename="customers.csv"')
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        lines = ["\ufeff" + ",".join(COLUMNS)] + [",".join(str(person[key]) for key in COLUMNS) for person in CUSTOMERS]
        for start in range(0, len(lines), 50):
            piece = "".join(line + "\r\n" for line in lines[start:start + 50]).encode()
            self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            self.wfile.flush()
            time.sleep(0.01)
        self.wfile.write(b"0\r\n\r\n")

    def take_in(self):
        """An upload of customers; says how many lines it held."""
        received = self.body()
        if not self.account():
            return self.refuse()
        return self.json(201, {"code": 0, "message": "success", "rows": received.count(b"@mail.example")})

    def daily(self):
        if not self.account():
            return self.refuse()
        return self.json(200, {"code": 0, "data": {"date": "2026-11-19", "orders": 1284, "refunds": 17, "visitors": 20391}})

    def ledger(self):
        """Behind HTTP Basic; its text is GB18030, as spreadsheets on Chinese desktops want it."""
        scheme, _, value = (self.headers.get("Authorization") or "").partition(" ")
        account, _, password = base64.b64decode(value).decode().partition(":") if scheme == "Basic" else ("", "", "")
        if account not in people.STAFF or people.STAFF[account][0] != password:
            return self.json(401, {"code": 40100, "message": "unauthorized"}, WWW_Authenticate='Basic realm="ledger"')
        rows = ["客户,手机号,余额"] + [f"{p['name']},{p['mobile']},{p['balance']}" for p in CUSTOMERS[:40]]
        return self.reply(200, "\r\n".join(rows).encode("gb18030"), "text/csv; charset=gb18030")

    # The shop, open to all.

    def products(self):
        links = "".join(f'<li><a href="/products/{n}">保温杯 {n:03} 型</a></li>' for n in range(1, PRODUCTS + 1))
        return self.reply(200, document("全部商品", f"<ul>{links}</ul>"))


FIXED = {
    "GET /": lambda self: self.reply(302, Location="/login"),
    "GET /login": lambda self: self.reply(200, login_page()),
    "POST /login": Crm.form_login,
    "GET /home": Crm.home,
    "GET /account": Crm.account_page,
    "POST /api/v1/login": Crm.json_login,
    "POST /api/v1/logout": Crm.logout,
    "GET /api/v1/me": Crm.me,
    "GET /api/v1/customers": Crm.customer_page,
    "GET /api/v1/customers/export.csv": Crm.export,
    "POST /api/v1/customers/import": Crm.take_in,
    "GET /api/v1/reports/daily": Crm.daily,
    "GET /internal/ledger.csv": Crm.ledger,
    "GET /products/": Crm.products,
    "HEAD /products/": Crm.products,
    "GET /catalogue": lambda self: self.reply(301, Location="/products/"),
}

if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", 8081), Crm).serve_forever()
