"""What every scenario of this folder shares: listening sockets, the watching of loopback, and the log of what was said.

A scenario lets servers and clients that are not ours talk:

    python3 SCENARIO.py FOLDER [PROGRAM ARGUMENT...]

It leaves `wire.pcap` in FOLDER, and `said.json`: under `exchanges` and `seen` what --exchanges-out and --observations-out have to say of
it, no more and no less. An entry names the fields that the peers are sure of; null says that a field is absent. A PROGRAM, if one is
named, watches loopback at the same time: `--filter` is added to its arguments, its messages go to `live.err`, SIGTERM ends it.

Exit status 77: this machine does not let us capture.
"""

import contextlib
import gzip
import json
import pathlib
import random
import re
import signal
import socket
import subprocess
import sys
import time

FOLDER = pathlib.Path(sys.argv[1])
PROGRAM = sys.argv[2:]
SKIPPED = 77
LONG = 30

# Drawn once; nobody's.
MOBILE = "13586024719"
OTHER_MOBILE = "18703951264"
THIRD_MOBILE = "15927480365"


def resident_id(body):
    """18 characters, with the check character of GB 11643-1999."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(int(digit) * weight for digit, weight in zip(body, weights)) % 11]


ID_CARD = resident_id("42010619880917253")


def listen():
    """A listening TCP socket on a free port of 127.0.0.1."""
    return socket.create_server(("127.0.0.1", 0), backlog=64)


def port_of(listener):
    return listener.getsockname()[1]


class Said:
    """What was said on the wire, by those who said it."""

    def __init__(self):
        self.exchanges = []
        self.seen = []

    def exchange(self, request, response, **more):
        whole = {"truncated": None, "gap": None}
        self.exchanges.append({"protocol": "http/1.1", "transport": "cleartext", "defects": None,
                               "request": {**whole, **request}, "response": response and {**whole, **response}, **more})

    def tls(self, sni, client, **more):
        self.exchanges.append({"protocol": "tls", "request": None, "response": None, "client": client, "tls": {"sni": sni, **more}})

    def value(self, kind, endpoint, direction, at, **more):
        self.seen.append({"type": kind, "endpoint": endpoint, "direction": direction, "form": "full", "reported": True,
                          "count": 1, "place": {"in": "body", "at": at}, "message": None, **more})

    def mobile(self, *where, **more):
        self.value("cn_mobile", *where, **more)


def wait_for(process, file, what):
    """Waits until a process has written something to a file."""
    until = time.monotonic() + LONG
    while what not in (told := pathlib.Path(file).read_bytes()):
        if process.poll() is not None and what not in pathlib.Path(file).read_bytes():
            # "permission" of libpcap, "permitted" of the kernel.
            if b"ermi" in told:
                print(f"SKIPPED: {told.decode().strip()}", file=sys.stderr)
                sys.exit(SKIPPED)
            raise RuntimeError(f"{process.args}: {told.decode()}")
        if time.monotonic() > until:
            raise RuntimeError(f"{process.args}: no {what} in {told[-1_000:]}")
        time.sleep(0.01)


def start(command, out, err):
    """Starts a program with its outputs in files."""
    with open(out, "wb") as out, open(err, "wb") as err:
        return subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=FOLDER)


@contextlib.contextmanager
def watch(ports, udp_ports=()):
    """Lets these ports of TCP and UDP on loopback be captured, from before the first packet to after the last."""
    end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    end.bind(("127.0.0.1", 0))
    token = random.randbytes(16)
    wanted = [f"tcp port {port}" for port in ports] + [f"udp port {port}" for port in (*udp_ports, end.getsockname()[1])]
    wanted = " or ".join(wanted)
    capture, told, live_told = FOLDER / "wire.pcap", FOLDER / "tcpdump.err", FOLDER / "live.err"
    running = []
    try:
        # tcpdump as root gives up the right to write into our folder; to an open file it needs none.
        command = ["tcpdump", "-i", "lo", "-n", "-U", "--immediate-mode", "-B", "32768", "-s", "70000", "-w", "-", wanted]
        dump = start(command, capture, told)
        running.append(dump)
        wait_for(dump, told, b"listening on")
        if PROGRAM:
            live = start([*PROGRAM, "--filter", wanted], FOLDER / "live.out", live_told)
            running.append(live)
            wait_for(live, live_told, b"watching lo")
        yield
        # Packets reach the file in order: when this one is there, all are.
        end.sendto(token, end.getsockname())
        wait_for(dump, capture, token)
        for process in running:
            process.send_signal(signal.SIGTERM)
            if process.wait(LONG) != 0:
                raise RuntimeError(f"{process.args}: {process.returncode}: {live_told.read_text() if PROGRAM else ''}")
    finally:
        end.close()
        for process in running:
            process.kill()
            process.wait()
    if not re.search(r"^0 packets dropped by kernel", told.read_text(), re.MULTILINE):
        raise RuntimeError(f"tcpdump lost packets: {told.read_text()}")


def run(scenario):
    """Runs `scenario(said)`."""
    said = Said()
    scenario(said)
    (FOLDER / "said.json").write_text(json.dumps({"exchanges": said.exchanges, "seen": said.seen}, ensure_ascii=False, indent=1))


def gzipped(body):
    return gzip.compress(body, mtime=0)


def certificate(file, subject, name):
    """A fresh certificate for a host name, signed by itself, and its key: two files."""
    files = FOLDER / f"{file}.pem", FOLDER / f"{file}.key"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-utf8",
               "-subj", subject, "-addext", f"subjectAltName=DNS:{name}", "-out", files[0], "-keyout", files[1]]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return files


def curl(*arguments, code=0):
    """Runs curl, bodies thrown away, to its exit code; (its port, status, version) of each transfer."""
    said = "%{stderr}%{local_port} %{response_code} %{http_version}\n"
    command = ["curl", "--disable", "--silent", "--noproxy", "*", "--max-time", str(LONG), "--write-out", said, *arguments]
    ran = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=2 * LONG, text=True, check=False)
    if ran.returncode != code:
        raise RuntimeError(f"{command}: exit status {ran.returncode}, {ran.stderr}")
    transfers = [line.split() for line in ran.stderr.splitlines()]
    return [(int(port), int(status), version) for port, status, version in transfers]
