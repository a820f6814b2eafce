"""The memory on real flights: what was seen often is few things, and what is looked for stands out of the rest."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from api.settings import read_profile
from api.telemetry_log import poses_of
from imagery.detect import detect_blind, grey_of
from imagery.detections import Detections
from imagery.frame import utc_of_name
from imagery.georeference import View
from imagery.hotspots import HotspotMemory, fold
from imagery.observe import FrameObservation
from missions.geometry.geo import LocalFrame
from missions.geometry.pose import Pose
from tests.imagery.aos import GROUND, pictures, vue
from tests.imagery.scenes import detections

# The barrel that stands in the frames and is not listed, by eye: pixels of the half-size frames.
THIRD_BARREL = {
    "2018080501005238Z.jpg": (706.0, 84.0),
    "2018080501005336Z.jpg": (749.0, 228.0),
    "2018080501005427Z.jpg": (763.0, 390.0),
    "2018080501005506Z.jpg": (648.0, 480.0),
    "2018080501005597Z.jpg": (680.0, 646.0),
    "2018080501005683Z.jpg": (604.0, 794.0),
    "2018080501005776Z.jpg": (538.0, 972.0),
    "2018080501005867Z.jpg": (247.0, 1073.0),
    "2018080501005958Z.jpg": (565.0, 1211.0),
}


def _looked(memory: HotspotMemory, view: View, found: Detections, seq: int) -> HotspotMemory:
    ring = view.footprint()
    assert isinstance(ring, np.ndarray)
    pose = view.pose
    observation = FrameObservation(1, "1/100", seq, pose.time_s, pose, found)
    return fold(memory, observation, view, ring)[0]


def test_thirty_one_sightings_of_three_barrels_are_three_hotspots(testdata: Path) -> None:
    """Uncalibrated: the clock of this camera is 0.3 s off and its mount 3°, while the aircraft rolls at up to 17°/s."""
    folder = testdata / "cuav-cmac-2018"
    pixels = {name: [pixel] for name, pixel in THIRD_BARREL.items()}
    for row in csv.DictReader((folder / "sightings.csv").open()):
        pixels.setdefault(row["frame"], []).append((float(row["u"]), float(row["v"])))
    assert sum(map(len, pixels.values())) == 31
    profile = replace(read_profile(folder / "camera_params_half.json"), pixel_sigma_px=2.0)
    times = {name: utc_of_name(Path(name).stem) or 0.0 for name in sorted(pixels)}
    answers = poses_of(folder / "flight.tlog", [time_s + profile.time_offset_s for time_s in times.values()], "fixed")
    memory, local = HotspotMemory(), None
    for seq, (name, answer) in enumerate(zip(times, answers, strict=True)):
        assert isinstance(answer.pose, Pose) and answer.ground is not None
        local = local or LocalFrame(answer.pose.position)
        view = View(answer.pose, profile, answer.ground, local)
        memory = _looked(memory, view, detections(*pixels[name], area_px=80, side=9), seq)
    assert len(memory.hotspots) == len(memory.confirmed) == 3
    assert sorted(hotspot.sightings for hotspot in memory.confirmed) == [9, 10, 12]


def test_a_lying_person_is_one_hotspot_and_nothing_else_stands_out_half_as_much(testdata: Path) -> None:
    """Video of a camera that sets its own gain, 27 frames of a field with stubble, hedges and boxes."""
    profile, ground = vue(), GROUND
    memory, local, owners = HotspotMemory(), None, set()
    shown = [picture for picture in pictures(testdata) if picture.person_uv is not None]
    assert len(shown) == 27
    for seq, picture in enumerate(shown):
        local = local or LocalFrame(picture.pose.position)
        image = cv2.imread(str(testdata / "aos-open-field" / "images" / picture.name))
        assert image is not None
        view = View(picture.pose, profile, ground, local)
        memory = _looked(memory, view, detect_blind(grey_of(image.astype(np.uint8)), "person")[0], seq)
        place = view.place(*picture.person_uv)  # type: ignore[misc]
        nearest = min(memory.hotspots, key=lambda h: float(np.hypot(*(h.place_en - place.enu[:2]))))  # type: ignore[union-attr]
        owners.add(nearest.key)
    assert len(owners) == 1
    person = memory.get(owners.pop())
    assert person is not None and person.confirmed and person.sightings >= 26
    others = [hotspot for hotspot in memory.confirmed if hotspot.key != person.key]
    assert 5 < len(others) < 60
    assert max(hotspot.contrast_k for hotspot in others) < 0.5 * person.contrast_k
