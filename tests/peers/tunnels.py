"""Tunnels that curl opens through a proxy with CONNECT: HTTP/1.1, HTTP/2 with prior knowledge and TLS inside, and one that is refused.
Only the connections to the proxy are watched."""

import asyncio
import json

import hypercorn.asyncio
import hypercorn.config

import wire

NAME = "crm.example"
CUSTOMER = json.dumps({"mobile": wire.MOBILE}).encode()


async def application(scope, receive, send):
    """Answers every request with a customer."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": CUSTOMER})


async def pump(reader, writer):
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()


def proxy(open_ports):
    """Opens tunnels to these ports, and refuses others."""
    async def answer(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        port = int(head.split()[1].rpartition(b":")[2])
        if port not in open_ports:
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nContent-Length: 6\r\nConnection: close\r\n\r\nclosed")
            await writer.drain()
            writer.close()
            return
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))

    return answer


async def scenario(said):
    plain, secure, front = (wire.listen() for _ in range(3))
    certificate, key = wire.certificate("server", f"/CN={NAME}", NAME)
    config = hypercorn.config.Config()
    config.insecure_bind, config.bind = [f"fd://{plain.fileno()}"], [f"fd://{secure.fileno()}"]
    config.certfile, config.keyfile, config.errorlog = str(certificate), str(key), None
    stop = asyncio.Event()
    front_port, plain_port, secure_port = map(wire.port_of, (front, plain, secure))
    ways = ["--proxytunnel", "--noproxy", "", "--proxy", f"http://127.0.0.1:{front_port}", "--cacert", str(certificate)]
    host, secure_host, closed_host = (f"{NAME}:{number}" for number in (plain_port, secure_port, 9))
    with wire.watch([front_port]):
        server = asyncio.create_task(hypercorn.asyncio.serve(application, config, shutdown_trigger=stop.wait))
        async with await asyncio.start_server(proxy({plain_port, secure_port}), sock=front):
            http1 = await asyncio.to_thread(wire.curl, *ways, f"http://{host}/one", f"http://{host}/two")
            http2 = await asyncio.to_thread(wire.curl, *ways, "--http2-prior-knowledge", f"http://{host}/three")
            tls = await asyncio.to_thread(wire.curl, *ways, "--tls-max", "1.2", f"https://{secure_host}/four")
            refused = await asyncio.to_thread(wire.curl, *ways, f"http://{closed_host}/five", code=56)
        stop.set()
        await server
    assert [transfer[1:] for transfer in http1 + http2 + tls] == [(200, "1.1")] * 2 + [(200, "2")] * 2, (http1, http2, tls)
    # One tunnel serves both requests.
    assert http1[0] == http1[1], http1

    def opened(transfers, to, status):
        said.exchange({"method": "CONNECT", "target": to}, {"status": status}, client={"port": transfers[0][0]})

    for transfers, to in [(http1, host), (http2, host), (tls, secure_host)]:
        opened(transfers, to, 200)
    opened(refused, closed_host, 403)
    for transfers, path, protocol in [(http1, "/one", "http/1.1"), (http1, "/two", "http/1.1"), (http2, "/three", "h2")]:
        said.exchange({"method": "GET", "target": path, "host": host}, {"status": 200, "body_len": len(CUSTOMER)},
                      protocol=protocol, client={"port": transfers[0][0]})
        said.mobile(f"GET {host}{path}", "response", "$.mobile", sample="135****4719")
    said.tls(NAME, {"port": tls[0][0]}, version="TLS1.2", certificate=f"CN={NAME}", quic=False)


wire.run(lambda said: asyncio.run(scenario(said)))
