"""The house guards itself: who may import whom, which files may touch the world, how long a file may be.

The rules stand in ``house.py``. Each is tried twice: on this repository, where it must be silent, and on a planted
violation, where it must speak.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.house import (
    DATA_TYPES,
    LONGEST_MODULE,
    PACKAGES,
    SHORTEST_ESSAY,
    arrows,
    essays,
    fixed_top_level,
    modules,
    no_download_addresses,
    no_machine_paths,
    no_test_packages,
    short_modules,
    simulators_compute_alone,
    thinking_files,
    tracked,
    valid_syntax,
)

ROOT = Path(__file__).resolve().parent.parent

Rule = Callable[[Path], list[str]]
RULES: tuple[Rule, ...] = (
    valid_syntax,
    arrows,
    simulators_compute_alone,
    thinking_files,
    short_modules,
    essays,
    no_machine_paths,
    no_download_addresses,
    fixed_top_level,
    no_test_packages,
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps(rule: Rule) -> None:
    complaints = rule(ROOT)
    assert not complaints, f"{rule.__doc__}\n" + "\n".join(complaints)


def test_the_guard_sees_the_whole_house() -> None:
    seen = {module.name for module in modules(ROOT)}
    assert set(PACKAGES) <= seen
    assert {"pyproject.toml", "LICENSE", "tests/conftest.py"} <= set(tracked(ROOT))
    assert set(DATA_TYPES) | {"missions.geometry.terrain_files"} <= seen


# --- each rule speaks when it is broken -----------------------------------------------------------------------------
SLASH = "/"
PLANTED: tuple[tuple[Rule, str, str], ...] = (
    (valid_syntax, "missions/x.py", "class X[T]: ..."),
    (valid_syntax, "missions/x.py", "def f(:"),
    (arrows, "missions/x.py", "import imagery"),
    (arrows, "missions/x.py", "from ground_station import link"),
    (arrows, "missions/x.py", "def late():\n    import api.cli"),
    (arrows, "missions/geometry/x.py", "from missions import items"),
    (arrows, "missions/geometry/x.py", "from ..mission import Mission"),
    (arrows, "missions/geometry/__init__.py", "from .. import items"),
    (arrows, "ground_station/x.py", "from imagery.frame import Frame"),
    (arrows, "ground_station/x.py", "from missions.survey import survey"),
    (arrows, "ground_station/x.py", "import missions"),
    (arrows, "ground_station/x.py", "from simulators import scenario"),
    (arrows, "imagery/x.py", "from missions.mission import Mission"),
    (arrows, "imagery/x.py", "from missions import mission"),
    (arrows, "imagery/x.py", "import ground_station.track"),
    (arrows, "imagery/x.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from api import run"),
    (arrows, "simulators/x.py", "from missions.geometry.pose import rotate"),
    (arrows, "simulators/x.py", "from missions.geometry.geo import LocalFrame"),
    (arrows, "simulators/x.py", "from missions.geometry import geo"),
    (arrows, "simulators/x.py", "import missions.geometry.camera"),
    (arrows, "simulators/x.py", "from ground_station import wire"),
    (arrows, "simulators/x.py", "from imagery.detect import detect"),
    (simulators_compute_alone, "simulators/x.py", "def f(profile):\n    return profile.rays([[0, 0]])"),
    (simulators_compute_alone, "simulators/x.py", "def f(grid):\n    look = grid.height_at\n    return look(51, 6)"),
    (
        simulators_compute_alone,
        "simulators/x.py",
        "from missions.geometry.camera import CameraProfile\ndef f(p: CameraProfile):\n    return p.gsd_m(80.0)",
    ),
    (thinking_files, "missions/x.py", "import asyncio"),
    (thinking_files, "simulators/x.py", "import av\nav.open('x')"),
    (thinking_files, "simulators/nut.py", "import av, socket\nav.open('x')"),
    (thinking_files, "simulators/scenario.py", "from pathlib import Path\nPath('x').read_bytes()"),
    (thinking_files, "simulators/scenario.py", "from importlib import resources\nopen('x')"),
    (thinking_files, "missions/x.py", "text = open('x').read()"),
    (thinking_files, "missions/x.py", "from pathlib import Path\ntext = Path('x').read_text()"),
    (thinking_files, "missions/geometry/x.py", "import rasterio\nrasterio.open('x')"),
    (thinking_files, "ground_station/x.py", "import time\nnow_s = time.monotonic()"),
    (thinking_files, "ground_station/x.py", "import time as t\nnow_s = t.time()"),
    (thinking_files, "ground_station/x.py", "from time import monotonic as now"),
    (thinking_files, "ground_station/x.py", "import time\ndef f(clock=time.monotonic):\n    return clock()"),
    (thinking_files, "ground_station/x.py", "from datetime import datetime as dt, UTC\ndt.now(UTC)"),
    (thinking_files, "ground_station/x.py", "import datetime\ndatetime.datetime.now()"),
    (thinking_files, "ground_station/x.py", "from pymavlink import mavutil"),
    (thinking_files, "ground_station/links.py", "import socket"),
    (thinking_files, "imagery/x.py", "import cv2\ncv2.imread('x')"),
    (thinking_files, "imagery/x.py", "from os import path"),
    (thinking_files, "imagery/x.py", "import numpy as np\nnp.load('x')"),
    (thinking_files, "simulators/x.py", "import random\nrandom.random()"),
    (thinking_files, "simulators/x.py", "print('here')"),
    (short_modules, "missions/x.py", "\n" * (LONGEST_MODULE + 1)),
    (essays, "missions/__init__.py", '"""Missions."""'),
    (no_machine_paths, "README.md", f"see {SLASH}work/main"),
    (no_machine_paths, "tests/x.py", f'DATA = "{SLASH}home/somebody/data"'),
    (no_download_addresses, "api/web/package-lock.json", '{"resolved": "x"}'),
    (no_download_addresses, ".ci/constraints.txt", "numpy @ file:x"),
    (no_download_addresses, ".ci/setup", "pip install --index-url x"),
    (fixed_top_level, "utils/x.py", ""),
    (fixed_top_level, "setup.cfg", ""),
    (no_test_packages, "tests/__init__.py", ""),
    (no_test_packages, "tests/missions/__init__.py", ""),
)
HARMLESS: tuple[tuple[Rule, str, str], ...] = (
    (valid_syntax, "missions/x.py", "match 1:\n    case _:\n        pass"),
    (arrows, "missions/x.py", "import numpy\nfrom missions.geometry import geo\nfrom . import items"),
    (arrows, "ground_station/x.py", "from missions import items\nfrom missions.geometry.pose import slerp"),
    (arrows, "imagery/x.py", "from missions.geometry import camera\nfrom missions.geometry.geo import LocalFrame"),
    (arrows, "simulators/x.py", "from missions.geometry.geo import Datum, GeoPoint\nfrom simulators import fire"),
    (arrows, "api/x.py", "import ground_station\nfrom imagery.frame import Frame\nfrom simulators import scenario"),
    (simulators_compute_alone, "simulators/x.py", "import cv2\ncv2.projectPoints\ndef f(p):\n    return p.fx"),
    (
        simulators_compute_alone,
        "simulators/x.py",
        "class Roofs:\n    def height_at(self): ...\ndef f(roofs: Roofs):\n    return roofs.height_at()",
    ),
    (simulators_compute_alone, "imagery/x.py", "def f(profile):\n    return profile.rays([[0, 0]])"),
    (thinking_files, "missions/x.py", '"""Never open(a file), asyncio or time.time() here."""\nimport math'),
    (thinking_files, "missions/x.py", "from datetime import UTC, datetime\ndatetime.fromtimestamp(0.0, UTC)"),
    (thinking_files, "missions/x.py", "def f(now_s, link):\n    link.close()\n    return now_s"),
    (thinking_files, "missions/geometry/terrain_files.py", "import rasterio\nrasterio.open('x')"),
    (thinking_files, "ground_station/link.py", "import asyncio, socket, time\ntime.monotonic()"),
    (thinking_files, "ground_station/link/udp.py", "import asyncio"),
    (thinking_files, "simulators/camera_process.py", "import asyncio"),
    (
        thinking_files,
        "simulators/scenario.py",
        "from importlib import resources\nresources.files('simulators').joinpath('x.toml').read_text()",
    ),
    (thinking_files, "simulators/nut.py", "import av, io\nav.open(io.BytesIO(), 'w')"),
    (thinking_files, "api/x.py", "import time\ntime.time()"),
    (short_modules, "missions/x.py", "\n" * LONGEST_MODULE),
    (essays, "missions/__init__.py", '"""Missions.' + "\n" * SHORTEST_ESSAY + 'The end."""'),
    (no_machine_paths, "README.md", "../shared/data, ~/work/x, https://example.org/home/page, $HOME/work/y"),
    (no_download_addresses, ".ci/constraints.txt", "# pins\nnumpy==2.4.6\nopencv-python==5.0.0.93\n"),
    (fixed_top_level, ".ci/x", ""),
    (no_test_packages, "missions/__init__.py", ""),
)


def _plant(root: Path, path: str, source: str) -> None:
    """A small house with one file in it that is under suspicion."""
    for name in ("mission", "items", "survey", "geometry/__init__", "geometry/geo", "geometry/pose", "geometry/camera"):
        file = root / "missions" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(source, encoding="utf-8")


def _case(case: object) -> str:
    return getattr(case, "__name__", None) or repr(case)[:60]


@pytest.mark.parametrize(("rule", "path", "source"), PLANTED, ids=_case)
def test_a_planted_violation_is_named(tmp_path: Path, rule: Rule, path: str, source: str) -> None:
    _plant(tmp_path, path, source)
    complaints = rule(tmp_path)
    assert complaints
    assert all(complaint.startswith(path.partition("/")[0]) for complaint in complaints)


@pytest.mark.parametrize(("rule", "path", "source"), HARMLESS, ids=_case)
def test_what_is_allowed_is_left_alone(tmp_path: Path, rule: Rule, path: str, source: str) -> None:
    _plant(tmp_path, path, source)
    assert rule(tmp_path) == []
