"""HTTP/2 without TLS: hypercorn answers curl (prior knowledge; Upgrade: h2c) and the h2 library (streams in turn, padding, trailers
both ways, a header block in CONTINUATION frames, push, a reset)."""

import asyncio
import json
import socket

import h2.config
import h2.connection
import h2.errors
import h2.events
import hypercorn.asyncio
import hypercorn.config

import wire

REPORT = 200_000
ABANDONED = json.dumps({"mobile": wire.THIRD_MOBILE, "note": "more follows"}).encode()[:-5]


class Application:
    """An ASGI application that logs every exchange as it was on the server's side."""

    def __init__(self):
        self.log = []

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message["body"]
            if not message["more_body"]:
                break
        path = scope["path"]
        headers = dict(scope["headers"])
        status, kind, content, coding = 200, b"application/json", b"{}", None
        if path == "/orders":
            status, content = 201, json.dumps({"id": 7, "mobile": json.loads(body)["mobile"]}).encode()
        elif path.startswith("/customers/"):
            row = {"id": path.rsplit("/", 1)[1], "mobile": wire.OTHER_MOBILE, "note": "x" * 3_000}
            content, coding = json.dumps(row).encode(), b"gzip"
        elif path == "/report":
            kind, content = b"text/plain", (b"0123456789abcdef" * REPORT)[:REPORT]
        elif path == "/missing":
            status, kind, content = 404, b"text/plain", b"no"
        sent = wire.gzipped(content) if coding else content
        shown = b"" if scope["method"] == "HEAD" else sent
        self.log.append({
            "client": {"port": scope["client"][1]},
            "protocol": "h2" if scope["http_version"] == "2" else "http/1.1",
            "request": {"method": scope["method"], "target": path, "host": headers[b"host"].decode(), "body_len": len(body)},
            "response": {"status": status, "body_len": len(shown), "content_type": kind.decode(),
                         "body_len_decoded": len(content) if coding else None},
        })
        answer = [(b"content-type", kind)] + ([(b"content-encoding", coding)] if coding else [])
        trailers = path == "/trailers"
        if path == "/page":
            await send({"type": "http.response.push", "path": "/style", "headers": []})
        await send({"type": "http.response.start", "status": status, "headers": answer, "trailers": trailers})
        for start in range(0, len(sent), 1_000):
            await send({"type": "http.response.body", "body": sent[start:start + 1_000], "more_body": True})
            await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        if trailers:
            await send({"type": "http.response.trailers", "headers": [(b"x-rows", b"3")], "more_trailers": False})


def drive(port):
    """One connection of the h2 library, with streams of every shape; its port, the path, the status and the trailers of each."""
    link = socket.create_connection(("127.0.0.1", port))
    peer = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
    peer.initiate_connection()
    authority = f"127.0.0.1:{port}"
    paths = {}

    def ask(method, path, *more, **options):
        stream = peer.get_next_available_stream_id()
        head = [(":method", method), (":path", path), (":scheme", "http"), (":authority", authority), *more]
        peer.send_headers(stream, head, **options)
        paths[stream] = path
        return stream

    order = json.dumps({"mobile": wire.MOBILE, "note": "y" * 4_000}).encode()
    # Three bodies in turn, padded, and the second ended by trailers.
    orders = [ask("POST", "/orders", ("content-type", "application/json")) for _ in range(3)]
    for start in range(0, len(order), 1_500):
        for stream in orders:
            peer.send_data(stream, order[start:start + 1_500], pad_length=start % 7)
    peer.end_stream(orders[0])
    peer.send_headers(orders[1], [("x-digest", "abc")], end_stream=True)
    peer.end_stream(orders[2])
    link.sendall(peer.data_to_send())
    # More than fits a frame: HEADERS and two CONTINUATION.
    ask("GET", "/customers/9", ("x-long", "z" * 40_000), end_stream=True)
    ask("GET", "/trailers", ("te", "trailers"), end_stream=True)
    ask("GET", "/page", end_stream=True)
    ask("HEAD", "/missing", end_stream=True)
    ask("GET", "/report", end_stream=True, priority_weight=32, priority_depends_on=0)
    abandoned = ask("POST", "/abandoned", ("content-type", "application/json"))
    peer.send_data(abandoned, ABANDONED)
    peer.reset_stream(abandoned, h2.errors.ErrorCodes.CANCEL)
    peer.ping(b"spy-hop!")
    link.sendall(peer.data_to_send())
    status, trailers, open_streams = {}, {}, set(paths) - {abandoned}
    while open_streams:
        data = link.recv(65_536)
        if not data:
            raise RuntimeError(f"the server went away, still open: {open_streams}")
        for event in peer.receive_data(data):
            if isinstance(event, h2.events.ResponseReceived):
                status[event.stream_id] = int(dict(event.headers)[":status"])
            elif isinstance(event, h2.events.TrailersReceived):
                trailers[event.stream_id] = dict(event.headers)
            elif isinstance(event, h2.events.DataReceived):
                peer.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.PushedStreamReceived):
                open_streams.add(event.pushed_stream_id)
                paths[event.pushed_stream_id] = dict(event.headers)[":path"]
            elif isinstance(event, h2.events.StreamEnded):
                open_streams.discard(event.stream_id)
            elif isinstance(event, (h2.events.StreamReset, h2.events.ConnectionTerminated)):
                raise RuntimeError(f"{event}")
        link.sendall(peer.data_to_send())
    peer.close_connection()
    link.sendall(peer.data_to_send())
    local = link.getsockname()[1]
    link.close()
    return local, paths, status, trailers


async def serve_and_ask(said):
    listener = wire.listen()
    port = wire.port_of(listener)
    application = Application()
    config = hypercorn.config.Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.errorlog = None
    config.h2_max_header_list_size = 1 << 17
    config.h2_max_inbound_frame_size = 1 << 14
    stop = asyncio.Event()
    base = f"http://127.0.0.1:{port}"
    post = ["--header", "Content-Type: application/json", "--data-binary", json.dumps({"mobile": wire.MOBILE})]
    with wire.watch([port]):
        server = asyncio.create_task(hypercorn.asyncio.serve(application, config, shutdown_trigger=stop.wait))
        transfers = []
        for arguments in (
            ["--http2-prior-knowledge", "--compressed", f"{base}/customers/1"],
            ["--http2-prior-knowledge", *post, f"{base}/orders"],
            # Hypercorn does not switch where a body is on its way; then the exchange is HTTP/1.1.
            ["--http2", *post, f"{base}/orders"],
            ["--http2", "--compressed", f"{base}/customers/[21-22]"],
        ):
            transfers += await asyncio.to_thread(wire.curl, *arguments)
        local, paths, status, trailers = await asyncio.to_thread(drive, port)
        stop.set()
        await server
    # Both sides tell the same.
    versions = {"h2": "2", "http/1.1": "1.1"}
    told = [(entry["client"]["port"], entry["response"]["status"], versions[entry["protocol"]]) for entry in application.log]
    heard = transfers + [(local, code, "2") for code in status.values()]
    assert sorted(told) == sorted(heard), (told, heard)
    streams = {path: stream for stream, path in paths.items()}
    assert trailers == {streams["/trailers"]: {"x-rows": "3"}} and streams["/style"] == 2, (trailers, streams)
    for entry in application.log:
        request = entry["request"]
        if entry["client"]["port"] == local and request["target"] != "/orders":
            entry["stream"] = streams[request["target"]]
        if request["target"] == "/customers/21":
            # The same request once more, as HTTP/1.1 saw it; the answer is stream 1 of HTTP/2.
            entry["stream"] = 1
            said.exchange(request, {"status": 101}, client=entry["client"])
        said.exchange(**entry)
        if request["target"] == "/orders":
            for direction in ("request", "response"):
                said.mobile(f"POST {request['host']}/orders", direction, "$.mobile", sample="135****4719")
        elif request["target"].startswith("/customers/"):
            said.mobile(f"GET {request['host']}/customers/{{int}}", "response", "$.mobile", sample="187****1264")
    host = f"127.0.0.1:{port}"
    said.exchange({"method": "POST", "target": "/abandoned", "host": host, "body_len": len(ABANDONED), "truncated": "incomplete"}, None,
                  protocol="h2", stream=streams["/abandoned"], client={"port": local})
    said.mobile(f"POST {host}/abandoned", "request", "$.mobile", sample="159****0365")


wire.run(lambda said: asyncio.run(serve_and_ask(said)))
