# SPDX-License-Identifier: ISC
"""Runs the probe plugin in a directory of its own; finds what was built."""
import importlib.util
import os
import shutil
import subprocess

BUILD = os.path.join(os.environ["TIDE_BUILDDIR"], "tests", "sandbox")


class Probe:
    """probe-run with one copy of the plugin."""

    def __init__(self, directory):
        self.dir = str(directory)
        self.plugin = os.path.join(self.dir, "probe.so")
        shutil.copy(os.path.join(BUILD, ".libs", "probe.so"), self.plugin)
        # The probe and what it tries run as nobody.
        os.chmod(self.dir, 0o777)
        while directory != directory.parent:
            if not os.stat(directory).st_mode & 0o001:
                os.chmod(directory, os.stat(directory).st_mode | 0o055)
            directory = directory.parent

    def run(self, moment, act, mode="both", action="kill"):
        """Returns the outcome's last word(s) and what was on stderr."""
        done = subprocess.run(
            [os.path.join(BUILD, "probe-run"), "-m", mode, "-a", action,
             self.plugin, moment, *act.split()],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            timeout=60, check=False)
        line = done.stdout.strip()
        prefix = "probe %s %s: " % (moment, act.split()[0])
        assert line, done.stderr
        return line.replace(prefix, "", 1), done.stderr


def load_fixtures():
    """The server, the session and the daemon of the integration tests."""
    path = os.path.join(os.path.dirname(__file__), os.pardir, "integration",
                        "conftest.py")
    spec = importlib.util.spec_from_file_location("integration", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {name: getattr(module, name)
            for name in ("pg", "db", "outbox", "make_tided")}
