# SPDX-License-Identifier: ISC
"""The tour of README, as somebody types it in: addresses are replaced, and
the receiver is one that speaks HTTP on this host."""
import hashlib
import hmac
import os
import re
import shlex
import subprocess

import pytest

from pgcluster import PgCluster
from tided import program, wait_for

SOURCE = os.environ.get("TIDE_SRCDIR") or os.path.join(
    os.path.dirname(__file__), "..", "..")
SECRET = "s3cret-canary"


@pytest.fixture
def pg_empty(tmp_path):
    cluster = PgCluster(str(tmp_path / "pg"))
    cluster.start()
    yield cluster
    cluster.remove()


def tour():
    """[(prompt, command)] of the lines below "Five minutes"."""
    with open(os.path.join(SOURCE, "README"), encoding="utf-8") as readme:
        text = readme.read().split("\nFive minutes\n")[1].split("\n\n\n")[0]
    found = []
    for line in re.findall(r"^    (.*)$", text, re.M):
        if line.startswith(("$ ", "=> ")):
            found.append(list(line.split(" ", 1)))
        else:
            before = found[-1][1]
            found[-1][1] = (before[:-1] if before.endswith("\\") else
                            before + "\n") + line
    return found


def test_tour(pg_empty, receiver, make_tided):
    url = pg_empty.url()
    relay, statements = None, ""

    def here(text):
        text = text.replace("postgresql://...", url)
        text = text.replace(
            '"url": "https://shop.example/orders"', '"url": "%s",'
            '"allow_private": true, "allow_insecure": true' %
            receiver.url("/orders"))
        return text.replace("127.0.0.1:9090", "127.0.0.1:%d" %
                            relay.port if relay else "?")

    def psql():
        subprocess.run([pg_empty.program("psql"), "-X", "-q", "-v",
                        "ON_ERROR_STOP=1", "-d", url], check=True, text=True,
                       input=here(statements), stdout=subprocess.DEVNULL)

    done = []
    for prompt, command in tour():
        words = shlex.split(here(command)) if prompt == "$" else ["psql"]
        if prompt == "=>":
            statements += command + "\n"
            continue
        if statements:
            psql()
            statements = ""
        done.append(words[0])
        if words[0] == "pg-tided":
            relay = make_tided(
                url=url, env={"WEBHOOK_SECRET": SECRET},
                args=[w for w in words[1:] if w != "--foreground"])
        elif words[0] == "pg-tidectl" and relay:
            assert "orders-to-shop" in relay.ctl(*words[1:]).stdout
        elif words[0] == "pg-tidectl":
            subprocess.run([program("bin", words[0])] + words[1:],
                           check=True, stdout=subprocess.DEVNULL)
        elif words[0] == "curl":
            assert "pg_tide_relay_up 1" in subprocess.run(
                words, check=True, text=True, capture_output=True).stdout
    assert done == ["pg-tidectl", "psql", "export", "pg-tided",
                    "pg-tidectl", "curl"]
    requests = wait_for(lambda: receiver.requests("/orders"), 20,
                        "the event arrives")
    want = hmac.new(SECRET.encode(), requests[0]["body"].encode(),
                    hashlib.sha256).hexdigest()
    assert requests[0]["headers"]["x-signature-256"] == "sha256=" + want
