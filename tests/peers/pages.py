"""HTTP/1.1 pages in the charsets that Chinese systems still use, from Python's server to curl: a page and a JSON answer in GBK, GB18030
in gzip, Big5, UTF-16 with a byte order mark, and a form posted in GBK."""

import http.server
import threading
import urllib.parse

import wire

# Written the same in both scripts.
NAME = "李明"


def page(charset, label="手机号"):
    text = f"<html><head><meta charset={charset}></head><body><p>姓名：{NAME}</p><p>{label}：{wire.MOBILE}</p></body></html>"
    return text.encode(charset)


# Path, Content-Type, body, and whether it goes out in gzip.
PAGES = {
    "/gbk.html": ("text/html; charset=gbk", page("gbk"), False),
    # Only the page itself says its charset.
    "/meta.html": ("text/html", page("gbk"), False),
    "/gb18030.html": ("text/html; charset=GB18030", page("gb18030"), True),
    "/big5.html": ("text/html; charset=big5", page("big5", "Tel"), False),
    "/utf16.html": ("text/html; charset=utf-16", page("utf-16"), False),
    "/gbk.json": ("application/json; charset=GBK", f'{{"姓名":"{NAME}","手机号":"{wire.OTHER_MOBILE}"}}'.encode("gbk"), False),
}


class Pages(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        kind, body, packed = PAGES[self.path]
        self.reply(kind, wire.gzipped(body) if packed else body, packed)

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.reply("text/plain", b"ok", False)

    def reply(self, kind, body, packed):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if packed:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def scenario(said):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_address[1]
    base = f"http://127.0.0.1:{port}"
    form = urllib.parse.urlencode({"姓名": NAME, "手机号": wire.THIRD_MOBILE}, encoding="gbk")
    with wire.watch([port]):
        transfers = wire.curl(*(base + path for path in PAGES))
        kind = "Content-Type: application/x-www-form-urlencoded; charset=gbk"
        transfers += wire.curl("--header", kind, "--data-raw", form, f"{base}/form")
    assert [status for _, status, _ in transfers] == [200] * 7, transfers
    host = f"127.0.0.1:{port}"
    for (path, (kind, body, packed)), (client, _, _) in zip(PAGES.items(), transfers):
        said.exchange({"method": "GET", "target": path, "host": host},
                      {"status": 200, "content_type": kind.split(";")[0], "body_len": len(wire.gzipped(body) if packed else body),
                       "body_len_decoded": len(body) if packed else None}, client={"port": client})
        where = f"GET {host}{path}", "response"
        if path == "/gbk.json":
            said.value("cn_name", *where, "$.姓名")
            said.mobile(*where, "$.手机号", sample="187****1264")
        else:
            said.value("cn_name", *where, "$")
            said.mobile(*where, "$", sample="135****4719")
    said.exchange({"method": "POST", "target": "/form", "host": host, "body_len": len(form)},
                  {"status": 200, "body_len": 2}, client={"port": transfers[-1][0]})
    where = f"POST {host}/form", "request"
    said.value("cn_name", *where, "姓名")
    said.mobile(*where, "手机号", sample="159****0365")


wire.run(scenario)
