# SPDX-License-Identifier: ISC
"""Where the things under test lie; tests/run says it in the environment."""

import os

SRCDIR = os.environ.get("TIDE_SRCDIR") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILDDIR = os.environ.get("TIDE_BUILDDIR") or os.path.join(SRCDIR, "build")
PREFIX = os.environ.get("TIDE_PREFIX") or "/usr/local"
PG_BINDIR = os.environ.get("TIDE_PG_BINDIR") or "/usr/lib/postgresql/15/bin"

PG_TIDED = os.path.join(PREFIX, "sbin", "pg-tided")
PG_TIDECTL = os.path.join(PREFIX, "sbin", "pg-tidectl")
PLUGINDIR = os.path.join(PREFIX, "lib", "pg-tided", "plugins")
LIBEXECDIR = os.path.join(PREFIX, "libexec", "pg-tided")
