"""What every test may use."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from simulators.sitl_fleet import SitlFleet

# As the command line does it, before anything loads numpy.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# How long one example takes says something of the machine, nothing of the code.
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")
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


@pytest.fixture(scope="session")
def sitl_binary() -> Path:
    """The ArduCopter binary; tests that need it are skipped where there is none. Mark them ``sitl``."""
    from simulators.sitl import find_binary

    found = find_binary()
    if found is None:
        pytest.skip("no ArduCopter binary: neither EINSATZDROHNE_SITL nor arducopter on the PATH")
    return found


@pytest.fixture
async def sitl(request: pytest.FixtureRequest, sitl_binary: Path, tmp_path: Path) -> AsyncIterator[SitlFleet]:
    """Vehicles in SITL over `uebungsplatz` at 20 times the speed, each with camera and gimbal, all ready to arm.

    One, or as many as ``@pytest.mark.parametrize("sitl", [N], indirect=True)`` says; a dict instead of N passes on any
    option of SitlFleet.
    """
    from simulators.scenario import load
    from simulators.sitl_fleet import SitlFleet

    wanted = getattr(request, "param", {})
    options = {"vehicles": wanted} if isinstance(wanted, int) else wanted
    options = {"speedup": 20.0, "scratch": tmp_path / "sitl", "instances": range(10, 20), **options}
    async with SitlFleet(sitl_binary, load("uebungsplatz"), **options) as fleet:
        yield fleet
