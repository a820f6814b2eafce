"""A situation to look at: a camera 80 m above flat ground, a fire in the middle of its picture, no wire."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from api.settings import CameraSetting, Settings
from api.situation import Situation
from api.store.incident import Incident, write_facts
from imagery.detect import Detections
from imagery.frame import Frame, FrameKind
from imagery.incident import Surroundings
from imagery.observe import FrameObservation
from missions.geometry.camera import CameraProfile, parse_profile
from missions.geometry.geo import Datum, GeoPoint, LocalFrame
from missions.geometry.pose import NoPose, NoPoseReason, Pose, quaternion_from_euler
from missions.geometry.terrain import FlatGround

LAT, LON, GROUND_M, ABOVE_M = 51.45, 6.75, 30.0, 80.0
UTC_S = 1_790_000_000.0
CAMERA = "1/100"


@pytest.fixture
def profile() -> CameraProfile:
    """A small thermal camera looking down."""
    text = 'name="t"\nwidth=160\nheight=128\nfx=160.0\nfy=160.0\ncx=79.5\ncy=63.5\nmount="fixed"\nband="thermal"\n'
    return parse_profile(text, "t.toml")


@pytest.fixture
def surroundings(profile: CameraProfile) -> Surroundings:
    """Flat ground around the place."""
    origin = GeoPoint(LAT, LON, GROUND_M, Datum.SEA_LEVEL)
    return Surroundings(FlatGround(GROUND_M, Datum.SEA_LEVEL, 1.0), LocalFrame(origin), {CAMERA: profile})


@pytest.fixture
def observation() -> Callable[..., FrameObservation]:
    """Makes the n-th frame: a fire at (u, v), seen from above the place; ``placed`` false: without a pose."""

    def make(
        n: int, *, u: float = 79.5, v: float = 63.5, peak_c: float = 300.0, placed: bool = True, refusal: str = ""
    ) -> FrameObservation:
        at_s = UTC_S + 0.1 * n
        found = Detections(
            *(np.array([value]) for value in (u, v, peak_c + 273.15, peak_c + 200.0, 283.15)),
            area_px=np.array([30]), bbox=np.array([[int(u) - 3, int(v) - 3, 6, 6]]), saturated=np.array([False]),
            edge=np.array([False]), power_w_m2=np.array([1e4]), kind="fire", radiometric=True,
        )  # fmt: skip
        pose: Pose | NoPose = NoPose(at_s, NoPoseReason.GAP, "telemetry gap")
        if placed:
            level = quaternion_from_euler(0.0, 0.0, 0.0)
            pose = Pose(
                1, at_s, GeoPoint(LAT, LON, GROUND_M + ABOVE_M, Datum.SEA_LEVEL), level, level, np.zeros(3),
                np.eye(3) * 0.01, np.eye(3), np.eye(3) * 1e-5, np.eye(3) * 1e-4, 0.001,
            )  # fmt: skip
        seen = Detections.empty() if refusal else found
        return FrameObservation(1, CAMERA, n, at_s, pose, seen, refusal, f"{n}.jpg")

    return make


@pytest.fixture
def frame() -> Callable[..., Frame]:
    """Makes the n-th raw frame of the small camera: noise, and a fire in the middle."""

    def make(n: int, *, width: int = 160, height: int = 128, vehicle: int = 1, clock: str = "utc") -> Frame:
        counts = np.random.default_rng(n).normal(14_200.0, 3.0, (height, width)).astype(np.uint16)
        counts[60:67, 76:83] = 28_000
        return Frame(
            vehicle, CAMERA, n, UTC_S + 0.1 * n, clock, counts, FrameKind.COUNTS, kelvin_per_count=0.02, name=f"{n}.jpg"
        )

    return make


@pytest.fixture
def situation_of(tmp_path: Path, profile: CameraProfile) -> Iterator[Callable[..., Situation]]:
    """Makes a situation in an incident folder of its own."""
    made: list[Situation] = []

    def make(mode: str = "uebung", **changes: Any) -> Situation:
        folder = tmp_path / f"incident{len(made)}"
        log = ("log:x.tlog",) if mode == "wiedergabe" else ("udpin:127.0.0.1:0",)
        facts: dict[str, Any] = {"cameras": (CameraSetting(1, CAMERA, "tcp://127.0.0.1:1", profile),), "links": log}
        settings = Settings(name="Probe", title="Probe", mode=mode, folder=folder, **{**facts, **changes})
        incident = Incident.create(folder, None)
        write_facts(folder, name="Probe", title="Probe", mode=mode, started_s=UTC_S)
        made.append(Situation(settings, incident, None))
        return made[-1]

    yield make
    for situation in made:
        situation.mapper.close()
        situation.incident.close()


@pytest.fixture
def burning(
    situation_of: Callable[..., Situation],
    observation: Callable[..., FrameObservation],
    surroundings: Surroundings,
) -> Situation:
    """A situation in which five frames have shown one fire."""
    situation = situation_of()
    for n in range(5):
        situation.replay(observation(n), surroundings, now_s=0.1 * n)
    return situation
