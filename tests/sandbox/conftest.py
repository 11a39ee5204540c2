# SPDX-License-Identifier: ISC
"""A probe for each test; server, session and daemon as the integration tests
have them."""
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from probing import Probe, load_fixtures  # noqa: E402

globals().update(load_fixtures())


@pytest.fixture
def probe(tmp_path):
    return Probe(tmp_path)
