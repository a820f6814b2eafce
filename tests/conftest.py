"""What every test may use."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parent.parent


def pytest_configure() -> None:
    """Playwright's own Node.js needs libatomic, which a bare Debian lacks; the one that built the page does not."""
    if sys.platform != "linux":
        return
    try:
        ctypes.CDLL("libatomic.so.1")
    except OSError:
        ours = Path(sys.executable).with_name("node")
        node = str(ours) if ours.exists() else shutil.which("node")
        if node:
            os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", node)


@pytest.fixture(scope="session")
def testdata() -> Path:
    """The folder of real captures; tests that need it are skipped where it is absent."""
    for place in (os.environ.get("EINSATZDROHNE_TESTDATA"), _ROOT.parent / "shared" / "data"):
        if place and Path(place).is_dir():
            return Path(place)
    pytest.skip("no real captures: neither EINSATZDROHNE_TESTDATA nor ../shared/data is a folder")
