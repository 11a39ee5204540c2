# SPDX-License-Identifier: ISC
"""Certificate authorities for tests, by the openssl program."""
import os
import subprocess

CONFIG = """
[ca]
default_ca = here
[here]
dir = %(dir)s
database = $dir/index
serial = $dir/serial
new_certs_dir = $dir
certificate = $dir/ca.pem
private_key = $dir/ca.key
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
"""
KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
# Years ago, and for years to come.
PAST = ("20200101000000Z", "20210101000000Z")
VALID = ("20200101000000Z", "20490101000000Z")


def openssl(*arguments, **more):
    done = subprocess.run(["openssl", *arguments], check=False, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True,
                          **more)
    if done.returncode != 0:
        raise RuntimeError("openssl: " + done.stderr)


class Pair:
    """A certificate and its key, in PEM files."""

    def __init__(self, cert, key):
        self.cert = cert
        self.key = key


class Authority:
    """One that signs whatever it is asked to; ca is its certificate."""

    def __init__(self, directory, name="test authority"):
        self.dir = str(directory)
        os.makedirs(self.dir)
        self.config = self.path("config")
        self.ca = self.path("ca.pem")
        self.count = 0
        for path, text in ((self.config, CONFIG % {"dir": self.dir}),
                           (self.path("index"), ""),
                           (self.path("serial"), "01\n")):
            with open(path, "w", encoding="ascii") as f:
                f.write(text)
        openssl("req", "-config", self.config, "-x509", *KEY, "-days", "30",
                "-subj", "/CN=" + name, "-addext",
                "basicConstraints=critical,CA:TRUE", "-keyout",
                self.path("ca.key"), "-out", self.ca)

    def path(self, name):
        return os.path.join(self.dir, name)

    def issue(self, name, sans="", times=VALID):
        """sans: "DNS:localhost,IP:127.0.0.1"."""
        self.count += 1
        base = self.path("%d" % self.count)
        pair = Pair(base + ".pem", base + ".key")
        openssl("req", "-config", self.config, *KEY, "-subj", "/CN=" + name,
                "-keyout", pair.key, "-out", base + ".csr")
        with open(base + ".ext", "w", encoding="ascii") as f:
            f.write("subjectAltName=%s\n" % sans if sans else "")
        openssl("ca", "-batch", "-notext", "-config", self.config, "-in",
                base + ".csr", "-out", pair.cert, "-startdate", times[0],
                "-enddate", times[1], "-extfile", base + ".ext")
        return pair
