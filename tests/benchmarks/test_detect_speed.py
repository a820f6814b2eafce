"""The detector on one core beside what others take for much less, and one hotspot from pixel to place and ellipse."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from imagery.background import BLOCK, Scale, block_maxima
from imagery.contextual import contextual
from imagery.detect import TASKS
from imagery.georeference import View
from tests.imagery.scenes import FLAT, LOCAL, PROFILE, disc, ground_k, pose

pytestmark = pytest.mark.benchmark
PER_COUNT = 0.02
PINNED = ("numpy==2.4.6", "scipy==1.17.1", "scikit-image==0.26.0", "opencv-python-headless==5.0.0.93")
_PEER = Path(__file__).parent / "peers" / "hot_regions.py"


def _frames(fires: int) -> NDArray[np.uint16]:
    generator = np.random.default_rng(3)
    frames = []
    for seed in range(8):
        kelvin = ground_k(seed)
        for _ in range(fires):
            u, v = int(generator.integers(20, 620)), int(generator.integers(20, 490))
            disc(kelvin, u, v, int(generator.integers(1, 8)), float(generator.uniform(430.0, 800.0)))
        frames.append((kelvin / PER_COUNT).astype(np.uint16))
    return np.stack(frames)


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with the peers, in an environment of its own; EINSATZDROHNE_DETECT_PEERS names one that is there."""
    named = os.environ.get("EINSATZDROHNE_DETECT_PEERS")
    if named:
        return Path(named)
    folder = tmp_path_factory.mktemp("peers")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, timeout=60)
    python = folder / "bin" / "python"
    try:
        subprocess.run([python, "-m", "pip", "install", "-q", *PINNED], check=True, timeout=300, capture_output=True)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        pytest.skip("scipy and scikit-image cannot be installed here")
    return python


def _rate(seconds: list[float]) -> str:
    return f"{1.0 / float(np.median(seconds)):,.0f} frames/s, p99 {1e3 * float(np.percentile(seconds, 99)):.2f} ms"


@pytest.mark.timeout(600)
def test_the_detector_beside_its_peers(figure: Callable[..., None], peers: Path, tmp_path: Path) -> None:
    """Two rounds of surroundings, extent, centroid, power: against labels and properties above one threshold."""
    frames = _frames(5)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        for number in range(40):
            contextual(frames[number % 8], Scale(PER_COUNT), TASKS["fire"], saturation=1e9)
        ours, bound = [], []
        for number in range(1500):
            started = time.perf_counter()
            found, _ = contextual(frames[number % 8], Scale(PER_COUNT), TASKS["fire"], saturation=1e9)
            ours.append(time.perf_counter() - started)
            started = time.perf_counter()
            block_maxima(frames[number % 8])
            bound.append(time.perf_counter() - started)
        assert 3 <= len(found) <= 5
    finally:
        cv2.setNumThreads(threads)
    np.save(tmp_path / "frames.npy", frames)
    words = [str(peers), str(_PEER), str(tmp_path / "frames.npy"), str(PER_COUNT)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=True)
    figure("detector, 5 fires, 640×512 counts", _rate(ours), "contextual, two rounds; one core, numpy and OpenCV")
    figure(
        "every pixel looked at once", _rate(bound), f"the maximum of each {BLOCK}×{BLOCK} block: the bound of memory"
    )
    for name, milliseconds in json.loads(done.stdout).items():
        figure(f"peer {name}", _rate([value / 1e3 for value in milliseconds]), "one threshold, labels, properties")


@pytest.mark.parametrize("many", [1, 20, 300])
def test_a_hotspot_with_its_ellipse(figure: Callable[..., None], many: int) -> None:
    noise = np.eye(3) * 1e-5
    at = pose(
        attitude_noise_rad2=noise, attitude_common_rad2=noise, position_noise_m2=np.eye(3) * 0.04,
        position_common_m2=np.eye(3),
    )  # fmt: skip
    pixels = np.random.default_rng(1).uniform(20.0, 480.0, (many, 2))
    seconds = []
    for _ in range(300):
        started = time.perf_counter()
        places = View(at, PROFILE, FLAT, LOCAL).places(pixels)
        seconds.append(time.perf_counter() - started)
    assert len(places) == many
    figure(
        f"{many} hotspots of a frame placed", f"{1e6 * float(np.median(seconds)) / many:.1f} µs each", "with covariance"
    )
