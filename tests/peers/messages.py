"""Messages on channels that an exchange opened: WebSockets between server and client of the websockets library, with and without
permessage-deflate, whole and in fragments, with a ping among them; and server-sent events to curl."""

import asyncio
import json

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

import wire

PADDING = "报表 " * 2_000
EVENTS = [
    b": hello\r\n\r\n",
    b"event: started\ndata: {\"step\":1}\n\n",
    b"id: 2\nevent: customer\ndata: {\"name\":\"x\",\ndata:  \"mobile\":\"" + wire.THIRD_MOBILE.encode() + b"\"}\n\n",
    b"data: {\"step\":3}\n\n",
]


async def answer_socket(socket):
    """Answers each message with one of its own."""
    async for text in socket:
        asked = json.loads(text)
        if "card" in asked:
            # In three frames.
            await socket.send(['{"card":"', wire.ID_CARD[:9], f'{wire.ID_CARD[9:]}"}}'])
        else:
            await socket.send(json.dumps({"number": asked["number"], "mobile": wire.OTHER_MOBILE, "pad": PADDING}, ensure_ascii=False))


async def talk(port, deflate):
    """Three messages each way and a ping; the client's port."""
    extensions = [ClientPerMessageDeflateFactory(client_max_window_bits=True)] if deflate else None
    url = f"ws://127.0.0.1:{port}/desk/socket?deflate={int(deflate)}"
    async with connect(url, compression=None, extensions=extensions, proxy=None) as socket:
        assert bool(socket.protocol.extensions) == deflate
        for number in range(2):
            # The second message repeats the first: with deflate its bytes are nothing but references into the first.
            await socket.send(json.dumps({"number": number, "mobile": wire.MOBILE}))
            assert json.loads(await socket.recv())["mobile"] == wire.OTHER_MOBILE
        await (await socket.ping())
        await socket.send(json.dumps({"card": True}))
        assert json.loads(await socket.recv())["card"] == wire.ID_CARD
        return socket.local_address[1]


async def answer_stream(reader, writer):
    """Server-sent events, in chunks that do not care where an event ends."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
    stream = b"".join(EVENTS)
    for start in range(0, len(stream), 50):
        piece = stream[start:start + 50]
        writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        await writer.drain()
        await asyncio.sleep(0.002)
    writer.write(b"0\r\n\r\n")
    await writer.drain()
    writer.close()


async def scenario(said):
    sockets, streams = wire.listen(), wire.listen()
    port, stream_port = wire.port_of(sockets), wire.port_of(streams)
    with wire.watch([port, stream_port]):
        async with serve(answer_socket, sock=sockets), await asyncio.start_server(answer_stream, sock=streams):
            ports = {deflate: await talk(port, deflate) for deflate in (True, False)}
            transfers = await asyncio.to_thread(wire.curl, f"http://127.0.0.1:{stream_port}/jobs/events")
    assert [status for _, status, _ in transfers] == [200], transfers
    host = f"127.0.0.1:{port}"
    endpoint = f"GET {host}/desk/socket"
    for deflate, client in ports.items():
        target = f"/desk/socket?deflate={int(deflate)}"
        said.exchange({"method": "GET", "target": target, "host": host, "body_len": 0}, {"status": 101, "body_len": 0},
                      client={"port": client})
        for number in range(2):
            said.mobile(endpoint, "request", "$.mobile", sample="135****4719",
                        message={"kind": "websocket", "number": number, "length": len(json.dumps({"number": 0, "mobile": wire.MOBILE}))})
            said.mobile(endpoint, "response", "$.mobile", sample="187****1264", message={"kind": "websocket", "number": number})
        said.value("cn_resident_id", endpoint, "response", "$.card", message={"kind": "websocket", "number": 2})
    host = f"127.0.0.1:{stream_port}"
    said.exchange({"method": "GET", "target": "/jobs/events", "host": host, "body_len": 0},
                  {"status": 200, "content_type": "text/event-stream", "body_len": sum(map(len, EVENTS))}, client={"port": transfers[0][0]})
    said.mobile(f"GET {host}/jobs/events", "response", "$.mobile", sample="159****0365", message={"kind": "sse", "number": 1})


wire.run(lambda said: asyncio.run(scenario(said)))
