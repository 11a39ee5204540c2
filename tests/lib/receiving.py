# SPDX-License-Identifier: ISC
"""Run receiver.py beside a test and read what it recorded."""
import json
import os
import subprocess
import sys
import urllib.request

from tided import wait_for

# Answers of receiver.py that are no acknowledgement.
REFUSALS = ("status", "hang", "reset", "garbage", "cut", "slow")
PROGRAM = os.path.join(os.path.dirname(__file__), "receiver.py")


class Receiver:
    def __init__(self, record, *args):
        self.record = record
        self.args = list(args)
        self.port_file = record + ".port"
        self.port = 0
        self.proc = None

    def start(self, port=0):
        """A receiver that is started again keeps its port."""
        if os.path.exists(self.port_file):
            os.unlink(self.port_file)
        self.proc = subprocess.Popen(
            [sys.executable, PROGRAM, "--record", self.record, "--port",
             str(port or self.port), "--port-file", self.port_file,
             *self.args], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL)
        wait_for(lambda: os.path.exists(self.port_file) or
                 self.proc.poll() is not None, 10, "the receiver listens")
        with open(self.port_file, encoding="ascii") as f:
            self.port = int(f.read())
        return self

    def stop(self):
        if self.proc and self.proc.poll() is None:
            self.proc.kill()
            self.proc.wait()

    def url(self, path="/"):
        return "http://127.0.0.1:%d%s" % (self.port, path)

    def fault(self, mode, times=None, path=None):
        """Answer like receiver.py's path /mode does; "" ends the fault."""
        order = {"mode": mode}
        if times is not None:
            order["times"] = times
        if path is not None:
            order["path"] = path
        req = urllib.request.Request(self.url("/_control"),
                                     json.dumps(order).encode())
        with urllib.request.urlopen(req, timeout=5) as r:
            r.read()

    def requests(self, path=None):
        """Every request so far, oldest first."""
        out = []
        try:
            with open(self.record, encoding="utf-8") as f:
                for line in f:
                    if line.endswith("\n"):
                        out.append(json.loads(line))
        except FileNotFoundError:
            pass
        return [r for r in out if path is None or r["path"] == path]

    def accepted(self):
        """Events of native requests that were answered with 2xx."""
        return [json.loads(r["body"]) for r in self.requests()
                if r["answer"].partition("/")[0] not in REFUSALS or
                r["answer"].startswith("status/2")]
