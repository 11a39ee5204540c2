# SPDX-License-Identifier: ISC
"""Play the supervisor towards one child process, frame by frame.

An independent reading of common/frame.h and common/messages.h, so that both
sides of the protocol are not wrong in the same way.
"""
import array
import os
import select
import socket
import struct
import subprocess
import time

from tided import wait_for

(HELLO, STAGE1, LOCKED, CONFINED, READY, DRAINED, FATAL, BEAT) = range(1, 9)
(SETTING, CONFIG, PROCEED, SECRET, FILE, OUTPUT, GO, CHANNEL, DRAIN, STOP,
 LOG_LEVEL) = range(20, 31)
RELOAD, REQUEST, REPLY, PROC, LISTENER = 47, 60, 61, 62, 63
METRICS, METRIC_DEF, STATE, LOG = range(80, 84)

ROLE = {"supervisor": 1, "catalog": 2, "control": 4, "resolver": 8,
        "worker": 16}
LIFE = {"starting": 1, "config": 2, "stage1": 4, "locked": 8, "confined": 16,
        "ready": 32, "draining": 64, "gone": 128}
HEALTH = {"ok": 1, "retrying": 2, "alarm": 3, "paused": 4, "failed": 5,
          "standby": 6}
CONTROL_CHANNEL, OUTPUT_CHANNEL = 1, 3


def text(s):
    data = s.encode() if isinstance(s, str) else s
    return struct.pack("<H", len(data)) + data


def send(sock, kind, body=b"", gen=1, fd=None):
    frame = struct.pack("<HHIQ", kind, 0, len(body), gen) + body
    if fd is None:
        sock.send(frame)
        return
    sock.sendmsg([frame], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                            array.array("i", [fd]))])


def receive(sock):
    """One frame as (type, body), or None at the end."""
    data = sock.recv(16384 + 16)
    if not data:
        return None
    kind, _flags, length, _gen = struct.unpack_from("<HHIQ", data)
    assert length == len(data) - 16
    return kind, data[16:]


def get_text(body, at):
    (length,) = struct.unpack_from("<H", body, at)
    return body[at + 2:at + 2 + length].decode(), at + 2 + length


def metrics(pipeline, samples, seq=1):
    """samples: (id, labels, number) or (id, labels, counts, sum)."""
    body = struct.pack("<IBB", seq, 0, 1) + text(pipeline)
    for sample in samples:
        body += struct.pack("<H", sample[0])
        body += text("\x1f".join(sample[1]))
        if len(sample) == 3:
            body += struct.pack("<d", sample[2])
        else:
            body += struct.pack("<B", len(sample[2]))
            body += struct.pack("<%dQ" % len(sample[2]), *sample[2])
            body += struct.pack("<d", sample[3])
    return body


def state(name, health, words="", error_class="", code=0):
    return (text(name) + struct.pack("<Bi", HEALTH[health], code) +
            text(error_class) + text(words))


class Played:
    """A child whose supervisor is this test."""

    def __init__(self, program, log_path, settings):
        self.program = program
        self.log_path = log_path
        self.settings = settings
        self.proc = None
        self.sock = None
        self.received = []

    def start(self):
        self.sock, theirs = socket.socketpair(socket.AF_UNIX,
                                              socket.SOCK_SEQPACKET)
        # 3 is the supervisor, and nothing is open above it.
        low = os.dup2(theirs.fileno(), 90, inheritable=True)
        with open(self.log_path, "ab") as log:
            self.proc = subprocess.Popen(
                ["/bin/bash", "-c", 'exec "$0" --level=debug 3<&%d %d<&-'
                 % (low, low), self.program], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, pass_fds=[low], env={}, cwd="/")
        os.close(low)
        theirs.close()
        self.wait_for_frame(HELLO)
        for name, value in self.settings.items():
            self.send(SETTING, text(name) + text(value) + text("test"))
        self.send(CONFIG, text("") * 3 + struct.pack("<QII", 0, 0, 0))
        self.wait_for_frame(STAGE1)
        self.send(PROCEED)
        self.wait_for_frame(LOCKED)
        self.send(GO)
        self.wait_for_frame(READY)
        return self

    def send(self, kind, body=b"", fd=None):
        send(self.sock, kind, body, fd=fd)

    def wait_for_frame(self, kind, seconds=10):
        """The first frame of a kind that was not waited for yet."""
        end = time.monotonic() + seconds
        while True:
            for i, frame in enumerate(self.received):
                if frame[0] == kind:
                    return self.received.pop(i)[1]
            left = end - time.monotonic()
            ready = select.select([self.sock], [], [], max(left, 0))[0]
            if not ready:
                raise AssertionError("no frame %d within %ds; the log:\n%s" %
                                     (kind, seconds, self.log()))
            frame = receive(self.sock)
            if frame is None:
                raise AssertionError("the child is gone; the log:\n%s" %
                                     self.log())
            self.received.append(frame)

    def proc_row(self, role, name="", plugin="", generation=1, pid=100,
                 life="ready", cause=0, paused=0, removed=0, restarts=0,
                 words=""):
        self.send(PROC, struct.pack("<B", ROLE[role]) + text(name) +
                  text(plugin) + struct.pack(
                      "<QQIIBBBBIIqq", generation, 1, pid, 65534, LIFE[life],
                      cause, paused, removed, restarts, 4, 10 ** 15, 0) +
                  text(words))

    def channel(self, role, name="", generation=1, pid=100):
        """The other end of a child's channel to control."""
        ours, theirs = socket.socketpair(socket.AF_UNIX,
                                         socket.SOCK_SEQPACKET)
        self._channel(CONTROL_CHANNEL, role, name, generation, pid,
                      theirs.fileno())
        theirs.close()
        return ours

    def output(self, name, pid=100):
        """The writing end of a worker's stdout."""
        reading, writing = os.pipe()
        self._channel(OUTPUT_CHANNEL, "worker", name, 1, pid, reading)
        os.close(reading)
        return writing

    def _channel(self, kind, role, name, generation, pid, fd):
        self.send(CHANNEL, struct.pack("<BB", kind, ROLE[role]) + text(name) +
                  struct.pack("<QI", generation, pid), fd=fd)

    def listener(self, kind, sock):
        self.send(LISTENER, struct.pack("<B", kind), fd=sock.fileno())
        sock.close()

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def wait_log(self, words, seconds=10):
        wait_for(lambda: words in self.log(), seconds,
                 "the log says %r" % words)

    def stop(self):
        """Close, wait, and return the exit status."""
        if self.proc is None:
            return None
        if self.proc.poll() is None and self.sock.fileno() != -1:
            try:
                self.send(STOP)
            except OSError:
                pass    # it ended meanwhile; its status tells how
        try:
            return self.proc.wait(10)
        finally:
            if self.proc.poll() is None:
                self.proc.kill()
                self.proc.wait()
            self.sock.close()
