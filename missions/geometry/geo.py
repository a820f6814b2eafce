"""Where: points on the earth, the local tangent plane, distances, UTMREF.

WGS 84 everywhere inside. Only this file knows axis order: every pyproj object here is built with
``always_xy=True``, and every public function takes latitude before longitude.

A height belongs to a datum and is never converted silently. A :class:`LocalFrame` treats the height datum of its
origin as parallel to the ellipsoid over its few kilometres; the scale error of that (undulation / earth radius, 7e-6
for 45 m) is 7 mm per km, the slope of the geoid in Germany another few cm per km.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from functools import cache

import mgrs
import numpy as np
import pyproj
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


class GeoError(ValueError):
    """A coordinate that cannot be one: says which value and what is allowed."""


class Datum(Enum):
    """What a height is measured from."""

    ELLIPSOID = "ellipsoid"
    SEA_LEVEL = "sea_level"
    HOME = "home"
    GROUND = "ground"


# A height outside this is a wrong unit (mm, cm, feet of a flight level), not a place a drone flies.
MIN_ALT_M, MAX_ALT_M = -1_000.0, 20_000.0


@dataclass(frozen=True, slots=True)
class GeoPoint:
    """A place. ``lat_deg``, ``lon_deg``: WGS 84 degrees; ``alt_m``: metres above ``datum``.

    Raises:
        GeoError: not finite, latitude beyond ±90, longitude beyond ±180, height beyond -1,000..20,000 m.
    """

    lat_deg: float
    lon_deg: float
    alt_m: float
    datum: Datum

    def __post_init__(self) -> None:
        for name, value, low, high in (
            ("lat_deg", self.lat_deg, -90.0, 90.0),
            ("lon_deg", self.lon_deg, -180.0, 180.0),
            ("alt_m", self.alt_m, MIN_ALT_M, MAX_ALT_M),
        ):
            if not (math.isfinite(value) and low <= value <= high):
                raise GeoError(f"{name} is {value!r}; allowed is {low:g} to {high:g}")


@cache
def _ecef_from_geodetic() -> pyproj.Transformer:
    return pyproj.Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)


@cache
def _sea_level_from_ellipsoid() -> pyproj.Transformer:
    return pyproj.Transformer.from_crs("EPSG:4979", "EPSG:4326+5773", always_xy=True)


@cache
def _geod() -> pyproj.Geod:
    return pyproj.Geod(ellps="WGS84")


@cache
def _mgrs() -> mgrs.MGRS:
    return mgrs.MGRS()


def _ecef(lat_deg: ArrayLike, lon_deg: ArrayLike, alt_m: ArrayLike) -> Floats:
    lat, lon, alt = np.broadcast_arrays(
        np.asarray(lat_deg, np.float64), np.asarray(lon_deg, np.float64), np.asarray(alt_m, np.float64)
    )
    return np.stack(_ecef_from_geodetic().transform(lon, lat, alt), axis=-1)


class LocalFrame:
    """East-north-up tangent plane at ``origin``, metres; a true rotation of earth-centred coordinates.

    A point 1 km away at the origin's height therefore lies 8 cm below the plane: earth curvature is kept.
    All heights converted through one frame are in ``origin.datum``.
    """

    def __init__(self, origin: GeoPoint) -> None:
        self.origin = origin
        self._origin_ecef = _ecef(origin.lat_deg, origin.lon_deg, origin.alt_m)
        lat, lon = math.radians(origin.lat_deg), math.radians(origin.lon_deg)
        sin_lat, cos_lat, sin_lon, cos_lon = math.sin(lat), math.cos(lat), math.sin(lon), math.cos(lon)
        self._enu_from_ecef = np.array(
            [
                [-sin_lon, cos_lon, 0.0],
                [-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat],
                [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat],
            ]
        )

    def enu_from_geo(self, lat_deg: ArrayLike, lon_deg: ArrayLike, alt_m: ArrayLike) -> Floats:
        """Degrees and metres, any broadcastable shapes → (..., 3) east, north, up in metres."""
        enu: Floats = (_ecef(lat_deg, lon_deg, alt_m) - self._origin_ecef) @ self._enu_from_ecef.T
        return enu

    def geo_from_enu(self, enu: ArrayLike) -> tuple[Floats, Floats, Floats]:
        """(..., 3) metres → latitude, longitude (degrees) and height (metres, the origin's datum), each (...)."""
        ecef = np.asarray(enu, np.float64) @ self._enu_from_ecef + self._origin_ecef
        lon, lat, alt = _ecef_from_geodetic().transform(
            ecef[..., 0], ecef[..., 1], ecef[..., 2], direction=pyproj.enums.TransformDirection.INVERSE
        )
        return np.asarray(lat, np.float64), np.asarray(lon, np.float64), np.asarray(alt, np.float64)

    def enu_of(self, point: GeoPoint) -> Floats:
        """One point → (3,) metres. Raises GeoError when its height has another datum than the frame's."""
        if point.datum is not self.origin.datum:
            raise GeoError(
                f"height of the point is above {point.datum.value}, the local frame's above {self.origin.datum.value}"
            )
        return self.enu_from_geo(point.lat_deg, point.lon_deg, point.alt_m)

    def point_at(self, enu: ArrayLike) -> GeoPoint:
        """(3,) metres → the point, its height in the origin's datum."""
        lat, lon, alt = self.geo_from_enu(enu)
        return GeoPoint(float(lat), float(lon), float(alt), self.origin.datum)


class GridProjection:
    """A map projection of metres (or degrees for a geographic CRS), always x = east, y = north.

    Raises:
        GeoError: the CRS is not known to PROJ.
    """

    def __init__(self, crs: str) -> None:
        try:
            parsed = pyproj.CRS.from_user_input(crs)
            # A compound CRS would make PROJ shift heights too; only the horizontal part is wanted here.
            horizontal = parsed.sub_crs_list[0] if parsed.is_compound else parsed
            self._transformer = pyproj.Transformer.from_crs("EPSG:4326", horizontal, always_xy=True)
        except pyproj.exceptions.ProjError as error:
            raise GeoError(f"unknown coordinate reference system {crs!r}; for example EPSG:25832") from error
        self.crs = crs
        self.geographic = bool(horizontal.is_geographic)
        used = horizontal.area_of_use
        self.used_deg = None if used is None else (used.south, used.north, used.west, used.east)
        """Where it is meant to be used: south, north, west, east, degrees; None where PROJ does not say."""

    def xy_from_geo(self, lat_deg: ArrayLike, lon_deg: ArrayLike) -> tuple[Floats, Floats]:
        """Degrees (...) → x east, y north (...), in the unit of the CRS."""
        x, y = self._transformer.transform(np.asarray(lon_deg, np.float64), np.asarray(lat_deg, np.float64))
        return np.asarray(x, np.float64), np.asarray(y, np.float64)

    def geo_from_xy(self, x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
        """x east, y north (...) → latitude, longitude in degrees (...)."""
        lon, lat = self._transformer.transform(
            np.asarray(x, np.float64),
            np.asarray(y, np.float64),
            direction=pyproj.enums.TransformDirection.INVERSE,
        )
        return np.asarray(lat, np.float64), np.asarray(lon, np.float64)


def geoid_height_m(lat_deg: float, lon_deg: float) -> float | None:
    """Height of the geoid (EGM96) above the ellipsoid, metres; None where PROJ has no grid for it.

    PROJ skips a missing grid without an error and returns heights as they were; an undulation of exactly 0 is that.
    """
    height = float(_sea_level_from_ellipsoid().transform(lon_deg, lat_deg, 0.0)[2])
    return None if height == 0.0 or not math.isfinite(height) else -height


def distance_m(a: GeoPoint, b: GeoPoint) -> float:
    """Horizontal geodesic distance on the WGS 84 ellipsoid (Karney 2013, by PROJ)."""
    return float(_geod().inv(a.lon_deg, a.lat_deg, b.lon_deg, b.lat_deg)[2])


def azimuth_deg(a: GeoPoint, b: GeoPoint) -> float:
    """Initial geodesic azimuth from ``a`` to ``b``, degrees clockwise from true north, 0 ≤ azimuth < 360."""
    return float(_geod().inv(a.lon_deg, a.lat_deg, b.lon_deg, b.lat_deg)[0]) % 360.0


def offset(point: GeoPoint, azimuth: float, distance: float) -> GeoPoint:
    """The point ``distance`` metres away along ``azimuth`` (degrees from true north); the height is kept."""
    lon, lat, _ = _geod().fwd(point.lon_deg, point.lat_deg, azimuth, distance)
    return GeoPoint(float(lat), float(lon), point.alt_m, point.datum)


def utmref(lat_deg: float, lon_deg: float, digits: int = 5) -> str:
    """UTMREF (MGRS) as crews speak it: ``32U LB 45343 99973``; ``digits`` per axis, 5 = 1 m, 4 = 10 m.

    Truncated, not rounded, as the grid reference names the square that holds the point. The square letters are
    always there: Duisburg straddles 32U LB and 32U LC.
    """
    if not 1 <= digits <= 5:
        raise GeoError(f"UTMREF digits per axis is {digits}; allowed is 1 to 5")
    text = str(_mgrs().toMGRS(lat_deg, lon_deg, MGRSPrecision=digits))
    easting, northing = text[-2 * digits : -digits], text[-digits:]
    zone_and_square = text[: -2 * digits]
    return f"{zone_and_square[:-2]} {zone_and_square[-2:]} {easting} {northing}"
