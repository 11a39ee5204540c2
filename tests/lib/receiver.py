#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""A recording, scriptable HTTP(S) receiver for tests and the demonstration.

Every request is written to --record as one JSON line before it is answered,
its signature is checked, and the answer is chosen by the first part of the
path, or by a fault that was set through /_control:

    /status/503?retry-after=2   that status, with a Retry-After if given
    /delay/250                  200 after 250 ms
    /hang                       no answer, the connection stays open
    /reset                      the connection is reset (RST)
    /close                      200 and the connection is closed
    /garbage                    bytes that are not HTTP
    /cut                        a body shorter than its Content-Length
    /slow                       200, then a body that never ends
    /big/2000000                200 with a body of that many bytes
    /echo/400                   that status, the request's headers as body
    anything else               200

    POST /_control {"mode": "status/500", "times": 3, "path": "/orders"}
    POST /_control {"mode": ""}          back to normal
    GET  /_stats                         counters as JSON

mode is written like a path without its slash, times (default: until
changed) counts requests down, path (default: all) is a prefix.
"""
import argparse
import asyncio
import base64
import binascii
import hashlib
import hmac
import http
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
from urllib.parse import parse_qs, urlsplit

HEADER_LIMIT = 64 * 1024
BODY_LIMIT = 64 * 1024 * 1024


class BadRequest(Exception):
    """What arrived is not HTTP as this receiver speaks it."""


class Signature:
    """Checks one of the webhook sink's signature schemes."""

    def __init__(self, scheme, secrets, header, tolerance):
        self.scheme = scheme
        self.header = header.lower()
        self.tolerance = tolerance
        self.keys = [self.key(scheme, s) for s in secrets]

    @staticmethod
    def key(scheme, secret):
        if scheme != "standard-webhooks":
            return secret.encode()
        if secret.startswith("whsec_"):
            secret = secret[len("whsec_"):]
        return base64.b64decode(secret)

    def verify(self, headers, body):
        """True or False; None when nothing was asked for."""
        if self.scheme == "none" or not self.keys:
            return None
        if self.scheme == "hmac-sha256":
            return self.verify_hmac(headers, body)
        return self.verify_standard(headers, body)

    def verify_hmac(self, headers, body):
        given = headers.get(self.header, "")
        return any(
            hmac.compare_digest(
                given,
                "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest())
            for key in self.keys)

    def verify_standard(self, headers, body):
        stamp = headers.get("webhook-timestamp", "")
        if not stamp.isdigit() or \
                abs(time.time() - int(stamp)) > self.tolerance:
            return False
        signed = b".".join(
            (headers.get("webhook-id", "").encode(), stamp.encode(), body))
        given = headers.get("webhook-signature", "").split(" ")
        for key in self.keys:
            mac = hmac.new(key, signed, hashlib.sha256).digest()
            want = "v1," + base64.b64encode(mac).decode()
            if any(hmac.compare_digest(want, g) for g in given):
                return True
        return False


class Receiver:
    """State shared by all connections: record, counters, faults."""

    def __init__(self, signature, record, verify_strictly):
        self.signature = signature
        self.record_fd = -1
        if record:
            self.record_fd = os.open(
                record, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self.verify_strictly = verify_strictly
        self.mode, self.times, self.prefix = "", None, ""
        self.stats = {"requests": 0, "connections": 0, "unverified": 0,
                      "faults": 0}

    def record(self, request, verified, answer):
        if self.record_fd < 0:
            return
        entry = {"n": self.stats["requests"], "time": time.time(),
                 "connection": request.connection, "method": request.method,
                 "path": request.path, "headers": request.headers,
                 "verified": verified, "answer": answer}
        try:
            entry["body"] = request.body.decode()
        except UnicodeDecodeError:
            entry["body64"] = base64.b64encode(request.body).decode()
        os.write(self.record_fd, (json.dumps(entry) + "\n").encode())

    def control(self, body):
        order = json.loads(body or b"{}")
        if not isinstance(order, dict):
            raise ValueError("an object is expected")
        self.mode = str(order.get("mode", "")).lstrip("/")
        times = order.get("times")
        self.times = None if times is None else int(times)
        self.prefix = str(order.get("path", ""))

    def choose(self, path):
        """The answer for this path: a fault that is set, or the path's."""
        if self.mode and path.startswith(self.prefix):
            if self.times is None:
                return self.mode
            if self.times > 0:
                self.times -= 1
                return self.mode
        return path.lstrip("/")

    def handle(self, request):
        """Count, check and record; returns the answer's name."""
        self.stats["requests"] += 1
        verified = self.signature.verify(request.headers, request.body)
        answer = self.choose(request.path)
        if verified is False:
            self.stats["unverified"] += 1
            if self.verify_strictly:
                answer = "status/401"
        self.record(request, verified, answer)
        return answer


class Request:
    __slots__ = ("connection", "method", "path", "headers", "body",
                 "keep_alive")


def parse_head(head):
    lines = head.split(b"\r\n")
    try:
        method, path, version = lines[0].decode("ascii").split(" ")
    except ValueError:
        raise BadRequest("request line") from None
    if version not in ("HTTP/1.1", "HTTP/1.0"):
        raise BadRequest("version")
    request = Request()
    request.method, request.path, request.headers = method, path, {}
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        if not colon or not name or name != name.strip():
            raise BadRequest("header")
        name = name.decode("ascii", "replace").lower()
        value = value.strip().decode("utf-8", "replace")
        if name in request.headers:
            value = request.headers[name] + ", " + value
        request.headers[name] = value
    request.keep_alive = version == "HTTP/1.1" and \
        request.headers.get("connection", "").lower() != "close"
    return request


def take_chunked(data, start):
    """(body, end) of a chunked body in data, or None while incomplete."""
    body = bytearray()
    while True:
        eol = data.find(b"\r\n", start)
        if eol < 0:
            return None
        size = int(bytes(data[start:eol]).split(b";")[0], 16)
        if size < 0 or size > BODY_LIMIT:
            raise BadRequest("chunk size")
        start = eol + 2
        if len(data) < start + size + 2:
            return None
        if size == 0:
            return bytes(body), start + 2
        body += data[start:start + size]
        start += size + 2


class Connection(asyncio.Protocol):
    """One connection; requests are answered in the order they came."""

    def __init__(self, receiver):
        self.receiver = receiver
        self.buffer = bytearray()
        self.head = None        # a parsed request waiting for its body
        self.busy = False       # an answer is delayed
        self.headers = {}       # of the request that is answered
        self.keep_alive = True
        self.transport = None
        self.number = 0

    def connection_made(self, transport):
        self.transport = transport
        self.receiver.stats["connections"] += 1
        self.number = self.receiver.stats["connections"]
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_lost(self, exc):
        self.transport = None

    def data_received(self, data):
        self.buffer += data
        self.pump()

    def pump(self):
        try:
            while self.transport and not self.busy:
                request = self.next_request()
                if request is None:
                    return
                self.serve(request)
        except (BadRequest, ValueError) as error:
            self.send(400, str(error).encode(), close=True)

    def next_request(self):
        if self.head is None:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(self.buffer) > HEADER_LIMIT:
                    raise BadRequest("header too large")
                return None
            self.head = parse_head(bytes(self.buffer[:end]))
            self.head.connection = self.number
            del self.buffer[:end + 4]
            if self.head.headers.get("expect", "").lower() == "100-continue":
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request = self.head
        if request.headers.get("transfer-encoding", "") == "chunked":
            taken = take_chunked(self.buffer, 0)
            if taken is None:
                return None
            request.body, end = taken
        else:
            end = int(request.headers.get("content-length", "0"))
            if end < 0 or end > BODY_LIMIT:
                raise BadRequest("content length")
            if len(self.buffer) < end:
                return None
            request.body = bytes(self.buffer[:end])
        del self.buffer[:end]
        self.head = None
        return request

    def serve(self, request):
        self.headers = request.headers
        self.keep_alive = request.keep_alive
        if request.path == "/_control":
            self.receiver.control(request.body)
            self.send(200, b"ok\n")
        elif request.path == "/_stats":
            self.send(200, json.dumps(self.receiver.stats).encode())
        else:
            self.answer(self.receiver.handle(request))

    def answer(self, name):
        url = urlsplit("/" + name)
        word, _, argument = url.path[1:].partition("/")
        fault = getattr(self, "fault_" + word, None)
        if fault is None:
            self.send(200, b"ok\n")
            return
        self.receiver.stats["faults"] += 1
        fault(argument, parse_qs(url.query))

    def send(self, status, body, headers=(), close=False):
        if not self.transport:
            return
        close = close or not self.keep_alive
        try:
            reason = http.HTTPStatus(status).phrase
        except ValueError:
            reason = "Unknown"
        if status == 204 or status == 304:
            body = b""
        lines = [f"HTTP/1.1 {status} {reason}"]
        if status != 204:
            lines.append(f"Content-Length: {len(body)}")
        if close:
            lines.append("Connection: close")
        lines.extend(f"{name}: {value}" for name, value in headers)
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        self.transport.write(head + body)
        if close:
            self.transport.close()

    # One method per word of the list at the top.

    def fault_status(self, argument, query):
        headers = []
        for name in ("retry-after", "location"):
            if name in query:
                headers.append((name.title(), query[name][0]))
        self.send(int(argument), f"status {argument}\n".encode(), headers)

    def fault_delay(self, argument, _query):
        self.busy = True
        asyncio.get_running_loop().call_later(
            int(argument) / 1000, self.delay_over)

    def delay_over(self):
        self.busy = False
        self.send(200, b"late\n")
        self.pump()

    def fault_hang(self, _argument, _query):
        self.busy = True

    def fault_reset(self, _argument, _query):
        sock = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                        struct.pack("ii", 1, 0))
        self.transport.abort()

    def fault_close(self, _argument, _query):
        self.send(200, b"bye\n", close=True)

    def fault_garbage(self, _argument, _query):
        self.transport.write(b"\x00\xff SMTP ready\r\n\r\n")
        self.transport.close()

    def fault_cut(self, _argument, _query):
        self.transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789")
        self.transport.close()

    def fault_slow(self, _argument, _query):
        self.busy = True
        self.transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        self.drip()

    def drip(self):
        if self.transport:
            self.transport.write(b".")
            asyncio.get_running_loop().call_later(0.05, self.drip)

    def fault_big(self, argument, _query):
        self.send(200, b"x" * int(argument))

    def fault_echo(self, argument, _query):
        self.send(int(argument), json.dumps(self.headers).encode())


EXTENSIONS = """[ext]
subjectAltName = DNS:localhost,DNS:receiver.test,IP:127.0.0.1,IP:::1
basicConstraints = critical,CA:FALSE
"""


def openssl(*args):
    subprocess.run(("openssl",) + args, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def make_certificates(directory):
    """A CA (ca.pem), and server.pem and client.pem with their .key files."""
    os.makedirs(directory, exist_ok=True)

    def path(name):
        return os.path.join(directory, name)

    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-days", "3650",
            "-subj", "/CN=Receiver test CA",
            "-keyout", path("ca.key"), "-out", path("ca.pem"))
    with tempfile.NamedTemporaryFile("w", suffix=".cnf") as extensions:
        extensions.write(EXTENSIONS)
        extensions.flush()
        for name in ("server", "client"):
            openssl("req", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-subj",
                    f"/CN={name}", "-keyout", path(name + ".key"),
                    "-out", path(name + ".csr"))
            openssl("x509", "-req", "-in", path(name + ".csr"), "-days",
                    "3650", "-CA", path("ca.pem"), "-CAkey", path("ca.key"),
                    "-CAcreateserial", "-extfile", extensions.name,
                    "-extensions", "ext", "-out", path(name + ".pem"))
            os.unlink(path(name + ".csr"))


def tls_context(args):
    if not args.tls_cert:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(args.tls_cert, args.tls_key)
    if args.client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(args.client_ca)
    return context


def write_port(path, port):
    """Whole or not at all: whoever waits for the file can read it."""
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write(f"{port}\n")
    os.rename(path + ".new", path)


async def run(args):
    signature = Signature(args.scheme, args.secret, args.header,
                          args.tolerance)
    receiver = Receiver(signature, args.record, args.strict)
    context = tls_context(args)
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(receiver), args.host, args.port, ssl=context,
        backlog=1024)
    port = server.sockets[0].getsockname()[1]
    host = f"[{args.host}]" if ":" in args.host else args.host
    scheme = "https" if context else "http"
    print(f"listening on {scheme}://{host}:{port}", flush=True)
    if args.port_file:
        write_port(args.port_file, port)
    await server.serve_forever()


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0,
                        help="0: any, it is printed and in --port-file")
    parser.add_argument("--port-file")
    parser.add_argument("--record", help="file for one JSON line a request")
    parser.add_argument("--scheme", default="hmac-sha256", choices=(
        "none", "hmac-sha256", "standard-webhooks"))
    parser.add_argument("--secret", action="append", default=[],
                        help="may be given several times")
    parser.add_argument("--header", default="X-Signature-256")
    parser.add_argument("--tolerance", type=int, default=300,
                        help="seconds a webhook-timestamp may be off")
    parser.add_argument("--strict", action="store_true",
                        help="answer 401 when the signature is wrong")
    parser.add_argument("--tls-cert")
    parser.add_argument("--tls-key")
    parser.add_argument("--client-ca", help="ask for a client certificate")
    parser.add_argument("--make-certificates", metavar="DIR",
                        help="write test certificates there and exit")
    return parser.parse_args()


def main():
    args = arguments()
    try:
        if args.make_certificates:
            make_certificates(args.make_certificates)
        else:
            asyncio.run(run(args))
    except KeyboardInterrupt:
        pass
    except (OSError, ValueError, binascii.Error,
            subprocess.CalledProcessError) as error:
        sys.exit(f"receiver: {error}")


if __name__ == "__main__":
    main()
