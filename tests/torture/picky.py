# SPDX-License-Identifier: ISC
"""An HTTP receiver that refuses the events of some keys.

It records what it accepted as the file sink would: native messages, one a
line, before it answers.
"""
import http.server
import json
import threading


class Picky:
    def __init__(self, path):
        self.path = path
        self.down = set()
        self.status = 503
        self.refused = 0
        self.lock = threading.Lock()
        self.file = open(path, "ab", buffering=0)
        picky = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response_only(picky.take(body))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, request, client_address):
                """Killed clients leave reset connections behind."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever,
                                       daemon=True)
        self.thread.start()

    def url(self):
        return "http://127.0.0.1:%d/" % self.server.server_port

    def take(self, body):
        key = json.loads(body)["payload"].get("k")
        with self.lock:
            if key in self.down:
                self.refused += 1
                return self.status
            self.file.write(body + b"\n")
            return 200

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)
        self.file.close()
