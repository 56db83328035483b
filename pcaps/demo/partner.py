"""The partner's API abroad: takes contacts, answers how many it took. Listens on port 80."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Partner(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 64 * 1024

    def log_message(self, *_):
        pass

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(200, {"status": "up", "region": "us-east"})

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.answer(202, {"accepted": len(asked["contacts"]), "batch": asked["batch"]})


if __name__ == "__main__":
    ThreadingHTTPServer(("0.0.0.0", 80), Partner).serve_forever()
