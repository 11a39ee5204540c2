# SPDX-License-Identifier: ISC
"""What the checks share: the files of the tree, and how to complain."""

import os
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))

# Not ours to judge: made by tools, or data that tests read as it is.
SKIPPED = ("build-aux/", "autom4te.cache/", "tests/fuzz/corpus/")


def listed():
    """Every file of the project: what git knows, else what a tarball has."""
    git = subprocess.run(
        ["git", "-C", TOP, "ls-files", "-co", "--exclude-standard"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        check=False)
    if git.returncode == 0 and git.stdout:
        return git.stdout.splitlines()
    names = []
    for folder, folders, files in os.walk(TOP):
        folders[:] = [name for name in folders if not generated(name)]
        names += [os.path.relpath(os.path.join(folder, name), TOP)
                  for name in files]
    return names


def generated(folder):
    return folder in (".git", "__pycache__") or folder.startswith(
        ("build", "autom4te"))


def files(*endings, under=()):
    """The project's files with these endings (all without any), sorted."""
    found = []
    for name in sorted(set(listed())):
        if name.startswith(SKIPPED) or not os.path.isfile(path(name)):
            continue
        if under and not name.startswith(tuple(under)):
            continue
        if not endings or name.endswith(endings):
            found.append(name)
    return found


def path(name):
    return os.path.join(TOP, name)


def lines(name):
    """The lines of a file without their ends."""
    with open(path(name), encoding="utf-8") as stream:
        return stream.read().split("\n")


def scripts(*interpreters):
    """Files whose first line names one of these interpreters."""
    found = []
    for name in files():
        with open(path(name), "rb") as stream:
            first = stream.readline(100)
        words = first[2:].split() if first.startswith(b"#!") else []
        if any(os.path.basename(word.decode()) in interpreters
               for word in words):
            found.append(name)
    return found


def c_files():
    return files(".c", ".h")


def is_code(name):
    """Whether the rules on layout hold for a file."""
    return name.endswith((".c", ".h", ".py", ".sql", ".sh", ".am", ".ac",
                          ".mk", ".m4")) or name in scripts_cache()


def scripts_cache(cache=[]):  # pylint: disable=dangerous-default-value
    if not cache:
        cache.append(set(scripts("sh", "bash", "python3")))
    return cache[0]


class Complaints:
    """Prints what is wrong and remembers that something was."""

    def __init__(self):
        self.count = 0

    def at(self, name, number, text):
        print("%s:%d: %s" % (name, number, text))
        self.count += 1

    def end(self):
        sys.exit(1 if self.count else 0)
