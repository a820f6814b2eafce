"""Frames a second from pixels to hotspots on one core, without the wires around it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import cv2
import numpy as np
import orjson
import pytest
from numpy.typing import NDArray

from api.geojson import hotspot_feature
from imagery.frame import Frame, FrameKind
from imagery.hotspots import properties
from imagery.incident import Picture, Surroundings, observe
from imagery.observe import Observer
from missions.geometry.camera import CameraProfile
from missions.geometry.geo import Datum, GeoPoint, LocalFrame
from missions.geometry.pose import Pose, quaternion_from_euler
from missions.geometry.terrain import FlatGround

pytestmark = pytest.mark.benchmark
FRAMES = 200
PROFILE = CameraProfile("benchmark", 640, 512, 760.0, 760.0, 319.5, 255.5)
HOME = GeoPoint(51.45, 6.75, 30.0, Datum.SEA_LEVEL)


class _Hover:
    """A vehicle that stands 80 m above flat ground and looks down."""

    def pose_at(self, time_s: float) -> Pose:
        down = quaternion_from_euler(0.0, -math.pi / 2, 0.0)
        level = quaternion_from_euler(0.0, 0.0, 0.0)
        small, wide = np.eye(3) * 1e-5, np.eye(3) * 1e-4
        position = GeoPoint(HOME.lat_deg, HOME.lon_deg, HOME.alt_m + 80.0, HOME.datum)
        return Pose(1, time_s, position, down, level, np.zeros(3), np.eye(3), np.eye(3), small, wide, 0.02)


def _scene(generator: np.random.Generator, fires: int) -> NDArray[np.uint16]:
    """Warm ground with structure, sensor noise and some fires; counts of 0.02 K."""
    ground = cv2.GaussianBlur(generator.normal(0.0, 40.0, (512, 640)), (0, 0), 12.0) * 2.0 + 293.0
    for _ in range(fires):
        u, v = int(generator.integers(40, 600)), int(generator.integers(40, 470))
        cv2.circle(ground, (u, v), int(generator.integers(2, 9)), float(generator.uniform(420.0, 800.0)), -1)
    noisy: NDArray[np.uint16] = ((ground + generator.normal(0.0, 0.06, ground.shape)) / 0.02).astype(np.uint16)
    return noisy


@pytest.mark.parametrize("fires", [0, 5, 40])
def test_frames_a_second(figure: Callable[..., None], fires: int) -> None:
    generator = np.random.default_rng(7)
    scenes = [_scene(generator, fires) for _ in range(4)]
    camera = "1/100"
    surroundings = Surroundings(FlatGround(HOME.alt_m, HOME.datum), LocalFrame(HOME), {camera: PROFILE})
    observer, picture, hover = Observer(PROFILE), Picture(), _Hover()
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        seconds, started = [], time.perf_counter()
        for seq in range(FRAMES):
            at = time.perf_counter()
            frame = Frame(1, camera, seq, seq / 9, "utc", scenes[seq % 4], FrameKind.COUNTS, kelvin_per_count=0.02)
            observer.wait_for_pose(observer.see(frame), now_s=seq / 9)
            for observation in observer.take_ready(hover, lambda frame: frame.stamp_s, now_s=seq / 9):
                picture, _ = observe(picture, observation, surroundings)
            seconds.append(time.perf_counter() - at)
        rate = FRAMES / (time.perf_counter() - started)
    finally:
        cv2.setNumThreads(threads)
    figure(f"pipeline, {fires} fires in view", f"{rate:,.0f} frames/s", "640×512, detect, place, remember; one core")
    figure(f"pipeline, {fires} fires, one frame", seconds, "")
    assert picture.coverage.frames == FRAMES


@pytest.mark.parametrize("fires", [1, 5])
def test_decoded_frame_in_to_hotspot_serialised(figure: Callable[..., None], fires: int) -> None:
    """All that lies between a frame in memory and the bytes that go to a page, its pose being known."""
    generator = np.random.default_rng(3)
    clean = _scene(generator, fires)
    noise = [generator.integers(-3, 4, clean.shape, np.int16) for _ in range(4)]
    scenes = [(clean.astype(np.int32) + one).astype(np.uint16) for one in noise]
    surroundings = Surroundings(FlatGround(HOME.alt_m, HOME.datum), LocalFrame(HOME), {"1/100": PROFILE})
    observer, picture, hover = Observer(PROFILE), Picture(), _Hover()
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    seconds, sent = [], 0
    try:
        for seq in range(5 * FRAMES):
            frame = Frame(1, "1/100", seq, seq / 60, "utc", scenes[seq % 4], FrameKind.COUNTS, kelvin_per_count=0.02)
            at, cpu = time.perf_counter(), time.process_time()
            observer.wait_for_pose(observer.see(frame), now_s=seq / 60)
            for observation in observer.take_ready(hover, lambda frame: frame.stamp_s, now_s=seq / 60):
                picture, events = observe(picture, observation, surroundings)
                for event in events:
                    hotspot = picture.memory.get(event.key)
                    if hotspot is not None and hotspot.confirmed:
                        facts = properties(hotspot, surroundings.frame)
                        sent += len(orjson.dumps(hotspot_feature(facts, surroundings.frame, "uebung")))
            if seq >= FRAMES:
                seconds.append((time.perf_counter() - at, time.process_time() - cpu))
    finally:
        cv2.setNumThreads(threads)
    wall, busy = np.array(seconds).T
    figure(f"decoded frame in → {fires} hotspots serialised", list(wall), "asked p50 1.5, p99 6 ms")
    share = 100.0 * float(busy.sum()) / (len(busy) / 60.0)
    figure(
        f"a camera of 60 Hz, {fires} hotspots", f"{share:.1f} % of a core", "see, place, remember, serialise; asked 10"
    )
    assert sent > 0
