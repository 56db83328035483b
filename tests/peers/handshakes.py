"""TLS 1.2 and 1.3 between OpenSSL's server and curl or OpenSSL's client, with a ClientHello in many segments and a client certificate
among them; and QUIC between server and client of aioquic. JA4 is reckoned here from the ClientHello that each server received."""

import asyncio
import hashlib
import socket
import ssl
import struct
import threading

import aioquic.asyncio
import aioquic.tls
from aioquic.quic.configuration import QuicConfiguration

import wire

NAME = "crm.example"


def ja4(hello, transport):
    """JA4 of a ClientHello message, as FoxIO describes it."""
    def vector(data, at, width):
        length = int.from_bytes(data[at:at + width])
        return data[at + width:at + width + length], at + width + length

    def words(data):
        values = [value for value, in struct.iter_unpack("!H", data)]
        return [value for value in values if value & 0x0F0F != 0x0A0A]

    def digest(parts):
        return hashlib.sha256(parts.encode()).hexdigest()[:12] if parts else "0" * 12

    def listed(values):
        return ",".join(f"{value:04x}" for value in values)

    _, at = vector(hello, 4 + 2 + 32, 1)
    ciphers, at = vector(hello, at, 2)
    _, at = vector(hello, at, 1)
    block, _ = vector(hello, at, 2)
    extensions, at = {}, 0
    while at < len(block):
        kind = int.from_bytes(block[at:at + 2])
        extensions[kind], at = vector(block, at + 2, 2)
    ciphers = words(ciphers)
    kinds = words(b"".join(struct.pack("!H", kind) for kind in extensions))
    version = max(words(extensions[43][1:]), default=0) if 43 in extensions else int.from_bytes(hello[4:6])
    alpn = vector(extensions[16], 2, 1)[0].decode() if 16 in extensions else "00"
    prefix = f"{transport}{ {0x0304: '13', 0x0303: '12'}[version]}{'d' if 0 in extensions else 'i'}"
    prefix += f"{min(len(ciphers), 99):02}{min(len(kinds), 99):02}{alpn[0]}{alpn[-1]}"
    algorithms = listed(words(extensions[13][2:])) if 13 in extensions else ""
    rest = listed(sorted(kind for kind in kinds if kind not in (0, 16)))
    return f"{prefix}_{digest(listed(sorted(ciphers)))}_{digest(rest + ('_' + algorithms if algorithms else ''))}"


def peeked_hello(link):
    """The ClientHello that waits on a connection, which still waits after that."""
    while True:
        data = link.recv(65_536, socket.MSG_PEEK)
        if len(data) >= 5 and len(data) >= 5 + int.from_bytes(data[3:5]):
            return data[5:5 + int.from_bytes(data[3:5])]


def serve(listener, contexts, log):
    """Answers one HTTP request on a connection for each context; logs what each handshake came to."""
    for context in contexts:
        plain, peer = listener.accept()
        hello = peeked_hello(plain)
        with context.wrap_socket(plain, server_side=True) as link:
            log.append({"port": peer[1], "ja4": ja4(hello, "t"), "version": link.version(), "alpn": link.selected_alpn_protocol(),
                        "cipher": link.cipher()[0]})
            link.recv(4_096)
            link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")


def ask_in_pieces(port, context, size):
    """A request over TLS whose every flight leaves in segments of `size` bytes."""
    link = socket.create_connection(("127.0.0.1", port))
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    received, to_send = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(received, to_send, server_hostname=NAME)

    def through(step):
        while True:
            try:
                done = step()
            except ssl.SSLWantReadError:
                done = None
            while piece := to_send.read(size):
                link.sendall(piece)
            if done is not None:
                return done
            received.write(link.recv(65_536))

    through(lambda: tls.do_handshake() or True)
    through(lambda: tls.write(b"GET / HTTP/1.1\r\nHost: crm.example\r\n\r\n"))
    assert through(lambda: tls.read(4_096)).startswith(b"HTTP/1.1 200")
    link.close()


def trusting(certificate_file, version):
    context = ssl.create_default_context(cafile=certificate_file)
    context.minimum_version = context.maximum_version = version
    return context


async def quic(port, certificate_file, protocols):
    configuration = QuicConfiguration(alpn_protocols=protocols, server_name=NAME, cafile=str(certificate_file))
    async with aioquic.asyncio.connect("127.0.0.1", port, configuration=configuration) as client:
        await client.ping()
        return client._transport.get_extra_info("sockname")[1]


async def scenario(said):
    server_certificate = wire.certificate("server", f"/C=CN/O=欧阳商贸/CN={NAME}", NAME)
    client_certificate = wire.certificate("client", "/CN=partner-7", "partner-7")
    context, other_curve = (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) for _ in range(2))
    context.load_cert_chain(*server_certificate)
    # None that clients offer a key for at first: it asks for another ClientHello.
    other_curve.load_cert_chain(*server_certificate)
    other_curve.set_ecdh_curve("secp384r1")
    context.load_verify_locations(client_certificate[0])
    context.verify_mode = ssl.CERT_OPTIONAL
    context.set_alpn_protocols(["http/1.1"])
    listener = wire.listen()
    port = wire.port_of(listener)
    # What aioquic's server read as a ClientHello.
    hellos, read = [], aioquic.tls.pull_client_hello

    def pull_client_hello(buffer):
        hellos.append(buffer.data_slice(0, buffer.capacity))
        return read(buffer)

    aioquic.tls.pull_client_hello = pull_client_hello
    configuration = QuicConfiguration(is_client=False, alpn_protocols=["h3"])
    configuration.load_cert_chain(*server_certificate)
    quic_server = await aioquic.asyncio.serve("127.0.0.1", 0, configuration=configuration)
    quic_port = quic_server._transport.get_extra_info("sockname")[1]

    log = []
    with wire.watch([port], udp_ports=[quic_port]):
        threading.Thread(target=serve, args=(listener, [context] * 4 + [other_curve], log), daemon=True).start()
        curl = ["--cacert", str(server_certificate[0]), "--resolve", f"{NAME}:{port}:127.0.0.1", f"https://{NAME}:{port}/"]
        await asyncio.to_thread(wire.curl, "--tls-max", "1.2", *curl)
        await asyncio.to_thread(wire.curl, "--tlsv1.3", *curl)
        many = trusting(server_certificate[0], ssl.TLSVersion.TLSv1_3)
        many.set_alpn_protocols([f"protocol-{number}" for number in range(200)] + ["http/1.1"])
        await asyncio.to_thread(ask_in_pieces, port, many, 100)
        known = trusting(server_certificate[0], ssl.TLSVersion.TLSv1_2)
        known.load_cert_chain(*client_certificate)
        await asyncio.to_thread(ask_in_pieces, port, known, 1_000)
        await asyncio.to_thread(wire.curl, "--tlsv1.3", *curl)
        # The second ClientHello needs several datagrams.
        offers = [["h3"], [f"h3-{number:03}" for number in range(300)] + ["h3"]]
        quic_clients = [await quic(quic_port, server_certificate[0], protocols) for protocols in offers]
        quic_server.close()
    assert [entry["version"] for entry in log] == ["TLSv1.2", "TLSv1.3", "TLSv1.3", "TLSv1.2", "TLSv1.3"], log
    iana = {"ECDHE-ECDSA-AES256-GCM-SHA384": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"}
    partner = {"client_certificate": "CN=partner-7"}
    for entry, more in zip(log, [{}, {}, {}, partner, {}]):
        # From TLS 1.3 on, protocol and certificates are no longer in the clear.
        clear = {"alpn": entry["alpn"], "certificate": f"CN={NAME}, O=欧阳商贸", "client_certificate": None, **more}
        hidden = {"alpn": None, "certificate": None, "client_certificate": None}
        said.tls(NAME, quic=False, ja4=entry["ja4"], version=entry["version"].replace("v", ""),
                 cipher=iana.get(entry["cipher"], entry["cipher"]), **(clear if entry["version"] == "TLSv1.2" else hidden),
                 client={"port": entry["port"]})
    assert len(hellos) == 2 and len(hellos[1]) > 2_000, hellos
    for hello, client, protocols in zip(hellos, quic_clients, offers):
        said.tls(NAME, quic=True, ja4=ja4(hello, "q"), offered=protocols[:16], client={"port": client})


wire.run(lambda said: asyncio.run(scenario(said)))
