# SPDX-License-Identifier: ISC
"""What pg-tide-worker does at a shell: describe, validate, print-sandbox."""
import json
import subprocess

import pytest

from tided import program

DOCUMENT = {
    "schema_version": 1, "name": "p", "source_type": "outbox",
    "source": {"outbox": "orders"}, "sink_type": "webhook",
    "sink": {"url": "https://example.com/x",
             "signature": {"scheme": "hmac-sha256",
                           "secret": "${env:WEBHOOK_SECRET}"}}}


def worker(*args):
    return subprocess.run(
        [program("libexec", "pg-tided", "pg-tide-worker"), "--plugin-dir",
         program("lib", "pg-tided", "plugins"), *args],
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=60, check=False)


def validate(tmp_path, document):
    path = tmp_path / "document.json"
    path.write_text(document if isinstance(document, str)
                    else json.dumps(document))
    run = worker("--validate", str(path))
    assert run.stdout == ""
    return run.returncode, run.stderr


@pytest.mark.parametrize("name", ["webhook", "file", "@pipeline"])
def test_described_as_the_database_has_it(db, name):
    """One table drives parser, manual and the database's own check."""
    run = worker("--describe", name, "--json")
    assert run.returncode == 0, run.stderr
    stored = db.one("SELECT options FROM tide.sink_types WHERE name = %s",
                    name)

    def rows(options):
        return {row.pop("name"): {k: v for k, v in row.items()
                                  if k not in ("help", "flags")} |
                {"flags": sorted(row.get("flags", []))} for row in options}
    assert rows(json.loads(run.stdout)) == rows(stored)


def test_describe_for_people():
    run = worker("--describe", "webhook")
    assert run.returncode == 0
    assert run.stdout.startswith("webhook ")
    assert "signature.scheme" in run.stdout


def test_unknown_plugin():
    run = worker("--describe", "nosuch")
    assert run.returncode == 3
    assert "nosuch: no such plugin" in run.stderr


def test_valid(tmp_path):
    assert validate(tmp_path, DOCUMENT) == (0, "")


@pytest.mark.parametrize("change,message", [
    ({"sink": {"ulr": "https://a"}}, 'sink.ulr: unknown option; did you '
     'mean "url"?'),
    ({"sink": {}}, "sink.url: is required"),
    ({"sink": {"url": 5}}, "sink.url: is a JSON int"),
    ({"sink": {"url": "https://a", "signature": {"secret": "hunter2"}}},
     "sink.signature.secret: must be a reference"),
    ({"sink_type": "../webhook"}, "sink_type"),
    ({"sink_type": "nosuch"}, "nosuch: no such plugin"),
    ({"batch_size": 0}, "batch_size"),
    ({"colour": "red"}, "colour"),
])
def test_invalid(tmp_path, change, message):
    status, err = validate(tmp_path, dict(DOCUMENT, **change))
    assert status == 3
    assert message in err
    assert "hunter2" not in err


def test_no_json(tmp_path):
    assert validate(tmp_path, "{")[0] == 3


def test_no_file():
    assert worker("--validate", "/nonexistent").returncode == 1


def test_print_sandbox():
    run = worker("--print-sandbox", "webhook")
    assert run.returncode == 0, run.stderr
    assert "seccomp class tcp\n" in run.stdout
    assert "action KILL_PROCESS;" in run.stdout
    assert '"execve"' not in run.stdout


def test_not_at_a_shell():
    """Without its supervisor a worker does nothing."""
    run = subprocess.run(
        [program("libexec", "pg-tided", "pg-tide-worker"), "p"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=60, check=False)
    assert run.returncode == 1
    assert "not at a shell" in run.stderr
