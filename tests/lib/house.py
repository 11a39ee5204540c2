# SPDX-License-Identifier: ISC
"""A house of its own for a process: network, names and files as an example
assumes them, without touching the machine.  Takes root."""
import ctypes
import os
import shlex
import socket
import subprocess
import threading

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)
# /tmp is bound alone, because the new root itself lies below it.
SCRIPT = """
set -eu
root=$1
ip link set lo up
mount -t tmpfs tmpfs "$root"
for path in /*; do
    name=$root$path
    case $path in
    /run) mkdir "$name" ;;
    /tmp) mkdir "$name"; mount --bind "$path" "$name" ;;
    *)  if [ -L "$path" ]; then cp -P "$path" "$name"
        elif [ -d "$path" ]; then
            mkdir "$name"; mount --rbind "$path" "$name"
        fi ;;
    esac
done
%s
echo ready
exec sleep infinity
"""


def available():
    """May this process make such a house?"""
    return os.geteuid() == 0 and subprocess.run(
        ["unshare", "-m", "-n", "true"], check=False,
        stderr=subprocess.DEVNULL).returncode == 0


def setns(fd):
    if LIBC.setns(fd, CLONE_NEWNET) == -1:
        raise OSError(ctypes.get_errno(), "setns")


class Forwarder:
    """Takes connections at a socket and makes each one to the target."""

    def __init__(self, listener, target):
        self.listener = listener
        self.target = target
        self.count = 0
        self.open = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near = self.listener.accept()[0]
                far = socket.create_connection(self.target)
            except OSError:
                return
            self.count += 1
            self.open += [near, far]
            for pair in ((near, far), (far, near)):
                threading.Thread(target=self.copy, args=pair,
                                 daemon=True).start()

    @staticmethod
    def copy(source, sink):
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            source.close()
            sink.close()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for s in self.open:
            s.close()


class House:
    """addresses: of its one interface, besides 127.0.0.1; hosts: name to
    address; files: path to text, of files that exist or whose folder is
    made here (/run is empty, other folders are those of the machine)."""

    def __init__(self, directory, addresses=(), hosts=None, files=None):
        self.forwarders = []
        root = os.path.join(str(directory), "root")
        os.makedirs(root)
        lines = ["127.0.0.1 localhost"] + [
            "%s %s" % (a, n) for n, a in (hosts or {}).items()]
        files = {"/etc/hosts": "\n".join(lines) + "\n", **(files or {})}
        steps = ["ip addr add %s/32 dev lo" % a for a in addresses]
        for number, (path, text) in enumerate(files.items()):
            source = os.path.join(str(directory), "file%d" % number)
            with open(source, "w", encoding="utf-8") as f:
                f.write(text)
            steps.append(self.placing(path, source))
        self.anchor = subprocess.Popen(
            ["unshare", "-m", "-n", "--propagation", "private", "sh", "-c",
             SCRIPT % "\n".join(steps), "sh", root],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        if self.anchor.stdout.readline() != "ready\n":
            raise RuntimeError("no house")
        self.wrap = ["nsenter", "-t", str(self.anchor.pid), "-m", "-n",
                     "chroot", root]

    @staticmethod
    def placing(path, source):
        if os.path.exists(path):
            return "mount --bind %s \"$root\"%s" % (
                shlex.quote(source), shlex.quote(path))
        return "mkdir -p \"$root\"{0}; cp -p {1} \"$root\"{2}".format(
            shlex.quote(os.path.dirname(path)), shlex.quote(source),
            shlex.quote(path))

    def inside(self, function):
        """Call function in a thread that is in the house's network."""
        result = []

        def run():
            with open("/proc/%d/ns/net" % self.anchor.pid, "rb") as ns:
                setns(ns.fileno())
            try:
                result.append(function())
            except OSError as e:
                result.append(e)
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        if isinstance(result[0], OSError):
            raise result[0]
        return result[0]

    def forward(self, address, target):
        """Whoever connects to address in the house reaches target outside."""
        listener = self.inside(lambda: socket.create_server(address))
        self.forwarders.append(Forwarder(listener, target))
        return self.forwarders[-1]

    def http(self, address, path):
        """What a GET in the house is answered with."""
        def get():
            return socket.create_connection(address, 5)
        with self.inside(get) as s:
            s.sendall(b"GET %s HTTP/1.0\r\n\r\n" % path.encode())
            answer = b""
            while chunk := s.recv(65536):
                answer += chunk
        return answer.decode()

    def close(self):
        for f in self.forwarders:
            f.close()
        self.anchor.kill()
        self.anchor.wait()
        self.anchor.stdout.close()
