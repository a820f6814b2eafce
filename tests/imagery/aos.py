"""The set ``aos-open-field``: its own poses, its camera, and the pixels of the person who lies in it."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from missions.geometry.camera import CameraProfile
from missions.geometry.geo import Datum, GeoPoint, GridProjection
from missions.geometry.pose import Pose, quaternion_from_euler
from missions.geometry.terrain import FlatGround

GROUND = FlatGround(282.3, Datum.SEA_LEVEL, 1.0)


def vue(**more: Any) -> CameraProfile:
    """The camera of the set, with sigmas of one's own."""
    return CameraProfile(
        "vue", 640, 480, 417.8933, 526.2962, 344.4168, 206.0617, k1=-0.2536, k2=0.0649, mount="fixed", **more
    )


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of the set, where it was taken, and the person's pixel where it is in view."""

    name: str
    pose: Pose
    person_uv: tuple[float, float] | None


def pictures(testdata: Path) -> list[Picture]:
    """All pictures in their order; the pose as logged, with the corrupt rows."""
    folder = testdata / "aos-open-field"
    centre = json.loads((folder / "DEM" / "dem_info.json").read_text("utf-8"))["centerUTM"]
    utm = GridProjection("EPSG:32633")
    with (folder / "person_pixels.csv").open() as file:
        person = {row["frame"]: (float(row["u"]), float(row["v"])) for row in csv.DictReader(file)}
    found = []
    images = json.loads((folder / "poses" / "CompletePath.json").read_text("utf-8"))["images"]
    for second, image in enumerate(images):
        place = np.array(image["M3x4"])
        turn, moved = place[:, :3], place[:, 3]
        eye = turn.T @ moved
        lat, lon = utm.geo_from_xy(centre[0] - eye[0], centre[1] + eye[1])
        level = quaternion_from_euler(0.0, 0.0, -math.atan2(turn[1, 0], turn[0, 0]))
        at = GeoPoint(float(lat), float(lon), float(moved[2]), Datum.SEA_LEVEL)
        tilt = np.eye(3) * math.radians(0.5) ** 2
        doubt = (np.eye(3) * 0.09, np.eye(3) * 4.0, tilt, 4.0 * tilt)
        pose = Pose(1, float(second), at, level, level, np.zeros(3), *doubt, 0.0)
        found.append(Picture(image["imagefile"], pose, person.get(image["imagefile"])))
    return found
