"""Poses from a CSV, one row a frame: ``frame,time,lat,lon,alt_m,datum,qw,qx,qy,qz[,sigma_m,sigma_deg]``.

The quaternion is the camera mount, body FRD → NED.

A frame that is in the table has exactly its pose. What nobody stated is doubted: 3 m and 2° where there is no sigma
column. Nobody says how much of a stated sigma two rows share; all of it counts as common, so that fusing many frames
never claims more than one row does.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import numpy as np

from imagery.pose_strays import strays
from imagery.sightings import TableError, number, rows, utc
from missions.geometry.geo import Datum, GeoPoint, geoid_height_m
from missions.geometry.pose import Pose, normalised

_COLUMNS = ("frame", "lat", "lon", "alt_m", "datum", "qw", "qx", "qy", "qz")
_SIGMA_M, _SIGMA_DEG = 3.0, 2.0
_NOISE_SHARE = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class PosesFile:
    """Poses by frame name; ``timed``: the frames that have a time in the table; ``strays``: rows that cannot be."""

    poses: dict[str, Pose]
    timed: frozenset[str]
    strays: dict[str, str] = field(default_factory=dict)
    _alike: dict[str, Pose] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        keys = Counter(_key(name) for name in self.poses)
        alike = {_key(name): pose for name, pose in self.poses.items() if keys[_key(name)] == 1}
        object.__setattr__(self, "_alike", alike)

    def pose_of(self, frame: str) -> Pose | None:
        """The pose of a frame by its name; else by what two programs may write differently: case, folder, ending.

        A stray is a pose here; what asks for it has to ask ``stray_of`` too.
        """
        found = self.poses.get(frame)
        return (
            found if found is not None else self._alike.get(_key(frame)) or self._alike.get(_key(frame, ending=False))
        )

    def stray_of(self, frame: str) -> str | None:
        """Why the row of a frame cannot be, or None."""
        pose = self.pose_of(frame)
        return next((why for name, why in self.strays.items() if self.poses[name] is pose), None)


def _key(frame: str, *, ending: bool = True) -> str:
    name = PurePosixPath(frame.replace("\\", "/"))
    return (name.name if ending else name.stem).casefold()


def parse_poses(text: str, name: str = "poses") -> PosesFile:
    """The table. Raises TableError with file, line, column and what is allowed."""
    poses, timed = {}, set()
    for line, cells in rows(text, name, _COLUMNS):
        where = f"{name}: line {line}"
        frame = cells["frame"]
        if not frame or frame in poses:
            raise TableError(f"{where}: frame {frame!r} is empty or stands there twice")
        time_s = utc(cells["time"], where) if cells.get("time") else float(line)
        if cells.get("time"):
            timed.add(frame)
        poses[frame] = _pose(cells, where, time_s)
    if not poses:
        raise TableError(f"{name}: no pose in it")
    names = list(poses)
    return PosesFile(poses, frozenset(timed), {names[at]: why for at, why in strays(list(poses.values())).items()})


def _pose(cells: dict[str, str], where: str, time_s: float) -> Pose:
    try:
        datum = Datum(cells["datum"].lower())
    except ValueError:
        allowed = ", ".join(known.value for known in Datum)
        raise TableError(f"{where}: datum is {cells['datum']!r}; allowed are {allowed}") from None
    lat, lon = number(cells, "lat", where, -90, 90), number(cells, "lon", where, -180, 180)
    alt = number(cells, "alt_m", where, -500, 10_000)
    if datum is Datum.ELLIPSOID:
        geoid = geoid_height_m(lat, lon)
        if geoid is None:
            raise TableError(f"{where}: heights above ellipsoid need a geoid grid (doctor names it), or use sea_level")
        alt, datum = alt - geoid, Datum.SEA_LEVEL
    if datum is not Datum.SEA_LEVEL:
        allowed = "sea_level and ellipsoid"
        raise TableError(f"{where}: heights above {datum.value} cannot be held against terrain; allowed are {allowed}")
    q = np.array([number(cells, key, where, -1.001, 1.001) for key in ("qw", "qx", "qy", "qz")])
    if abs(float(q @ q) - 1.0) > 0.01:
        raise TableError(f"{where}: qw qx qy qz has length {math.sqrt(float(q @ q)):.3f}; a unit quaternion is needed")
    sigma = number(cells, "sigma_m", where, 0.001, 1000) if cells.get("sigma_m") else _SIGMA_M
    tilt = math.radians(number(cells, "sigma_deg", where, 0.001, 90) if cells.get("sigma_deg") else _SIGMA_DEG)
    unit = normalised(q)
    return Pose(
        vehicle=1,
        time_s=time_s,
        position=GeoPoint(lat, lon, alt, datum),
        ned_from_mount=unit,
        ned_from_body=unit,
        velocity_ned_m_s=np.zeros(3),
        position_noise_m2=np.eye(3) * (_NOISE_SHARE * sigma) ** 2,
        position_common_m2=np.eye(3) * sigma**2,
        attitude_noise_rad2=np.eye(3) * (_NOISE_SHARE * tilt) ** 2,
        attitude_common_rad2=np.eye(3) * tilt**2,
        time_sigma_s=0.0,
    )
