"""What every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def testdata() -> Path:
    """The folder of real captures; tests that need it are skipped where it is absent."""
    for place in (os.environ.get("EINSATZDROHNE_TESTDATA"), _ROOT.parent / "shared" / "data"):
        if place and Path(place).is_dir():
            return Path(place)
    pytest.skip("no real captures: neither EINSATZDROHNE_TESTDATA nor ../shared/data is a folder")
