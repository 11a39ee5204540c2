# SPDX-License-Identifier: ISC
"""sink_types.sql is what worker and plugins say of their options."""
import os
import subprocess

import pytest


@pytest.mark.skipif(not os.environ.get("TIDE_PREFIX"),
                    reason="needs an installed worker and its plugins")
def test_option_tables_are_those_of_the_programs():
    source, prefix = os.environ["TIDE_SRCDIR"], os.environ["TIDE_PREFIX"]
    told = subprocess.run(
        [os.path.join(source, "sql/generate-sink-types"),
         os.path.join(prefix, "libexec/pg-tided/pg-tide-worker"),
         os.path.join(prefix, "lib/pg-tided/plugins"), "0.1.0"],
        check=True, text=True, stdout=subprocess.PIPE)
    with open(os.path.join(source, "sql/sink_types.sql"),
              encoding="utf-8") as text:
        assert text.read() == told.stdout
