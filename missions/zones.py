"""Geographical zones as authorities publish them: where, from which to which height, when, and what they ask for.

ED-269 (EUROCAE, 2020): JSON ``features`` of ``geometry`` volumes with ``uomDimensions``, limits above AGL or AMSL, and
a ``horizontalProjection`` (polygon or circle). ED-318 (2024): GeoJSON features whose ``geometry`` carries a ``layer``.
Exports of DIPUL and others mix flight levels, lower-case units and lists of names in. KML and plain GeoJSON have areas
without heights: such a zone reaches from the ground to the sky.

A limit keeps the datum it was published in; `airspace` brings it to one with the flight, with a band for what is not
known. A missing upper limit is no limit.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from shapely import Polygon
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from missions.formats import kml
from missions.formats.plan import FormatError
from missions.geometry.geo import Datum, GeoPoint, LocalFrame

Floats = NDArray[np.float64]

FOOT_M, FLIGHT_LEVEL_M = 0.3048, 30.48
MOST_ZONES = 20_000
REFERENCES = ("AGL", "AMSL", "FL", "WGS84")
_ALIASES = {"MSL": "AMSL", "GND": "AGL", "SFC": "AGL", "HEI": "AGL", "ALT": "AMSL", "STD": "FL", "W84": "WGS84"}
_DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_CIRCLE_POINTS = 72


class ZoneError(ValueError):
    """Zones that cannot be read: names the file, the zone and what is allowed."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A height in metres above `reference` (AGL, AMSL, FL: pressure altitude, WGS84: ellipsoid)."""

    value_m: float
    reference: str


@dataclass(frozen=True, slots=True)
class Window:
    """When a zone holds: UTC seconds, None open; `weekly`: (day 0 Monday, from, to in seconds of the day)."""

    start_s: float | None = None
    end_s: float | None = None
    weekly: tuple[tuple[int, float, float], ...] = ()

    def holds(self, begin_s: float, end_s: float) -> bool:
        """Whether any moment from `begin_s` to `end_s` lies in it."""
        if (self.start_s is not None and end_s < self.start_s) or (self.end_s is not None and begin_s > self.end_s):
            return False
        if not self.weekly:
            return True
        first_day = math.floor(begin_s / 86_400.0)
        for day in range(first_day - 1, math.floor(end_s / 86_400.0) + 1):
            weekday = (day + 3) % 7  # 1970-01-01 was a Thursday
            for which, opens, closes in self.weekly:
                # A time that ends before it begins reaches into the next day.
                until = closes if closes > opens else closes + 86_400.0
                if which == weekday and day * 86_400.0 + opens <= end_s and day * 86_400.0 + until >= begin_s:
                    return True
        return False


@dataclass(frozen=True, slots=True, eq=False)
class Zone:
    """`area`: longitude, latitude degrees. `windows` empty: always. `asks`: what the authority wants, in its words."""

    identifier: str
    name: str
    restriction: str
    area: BaseGeometry
    lower: Limit = Limit(0.0, "AGL")
    upper: Limit | None = None
    windows: tuple[Window, ...] = ()
    reasons: tuple[str, ...] = ()
    asks: str = ""
    source: str = ""

    def holds(self, begin_s: float, end_s: float) -> bool:
        """Whether it is in force at any moment of a flight."""
        return not self.windows or any(window.holds(begin_s, end_s) for window in self.windows)


def parse_zones(text: str, name: str) -> tuple[Zone, ...]:
    """ED-269, ED-318, GeoJSON or KML text → zones. Raises ZoneError or FormatError."""
    if text.lstrip("\ufeff \n\r\t").startswith("<"):
        return tuple(_of_kml(text, name))
    try:
        document = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as problem:
        raise ZoneError(f"{name}: neither JSON nor KML ({problem})") from problem
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(features, list):
        raise ZoneError(f"{name}: no list of features; ED-269, ED-318, GeoJSON or KML is needed")
    if len(features) > MOST_ZONES:
        raise ZoneError(f"{name}: {len(features)} zones; at most {MOST_ZONES}")
    found: list[Zone] = []
    for number, feature in enumerate(features, start=1):
        try:
            found += _zones(feature, name)
        except (TypeError, KeyError, ValueError, AttributeError, IndexError) as problem:
            raise ZoneError(f"{name}: zone {number} ({_label(feature)}): {_reason(problem)}") from problem
    if not found:
        raise ZoneError(f"{name}: holds no zone")
    return tuple(found)


def _label(feature: Any) -> str:
    table = feature if isinstance(feature, dict) else {}
    inner = table.get("properties")
    properties = inner if isinstance(inner, dict) else table
    return str(properties.get("identifier") or _one(properties.get("name")) or "without a name")[:60]


def _reason(problem: Exception) -> str:
    return f"{problem.args[0]!r} is missing" if isinstance(problem, KeyError) else str(problem)


def _one(value: Any) -> str:
    """A text, or the first of a list of texts or of {text: …} (ED-318, DIPUL)."""
    while isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, dict):
        value = value.get("text", "")
    return str(value) if value is not None else ""


def _zones(feature: dict[str, Any], source: str) -> Iterator[Zone]:
    properties = feature.get("properties") if isinstance(feature.get("properties"), dict) else feature
    assert isinstance(properties, dict)
    shared = {
        "identifier": str(properties.get("identifier") or properties.get("id") or ""),
        "name": _one(properties.get("name")) or str(properties.get("identifier", "")),
        "restriction": str(properties.get("restriction") or properties.get("type") or "UNKNOWN"),
        "windows": tuple(_windows(properties.get("applicability") or properties.get("limitedApplicability") or [])),
        "reasons": tuple(str(each) for each in properties.get("reason") or [] if isinstance(each, str)),
        "asks": _asks(properties),
        "source": source,
    }
    geometry = feature["geometry"]
    if isinstance(geometry, list):
        for volume in geometry:
            yield _ed269(volume, shared)
    elif isinstance(geometry, dict):
        yield _geojson(geometry, properties, shared)
    else:
        raise ValueError("geometry is neither a list of volumes nor a GeoJSON geometry")


def _asks(properties: dict[str, Any]) -> str:
    message = _one(properties.get("message"))
    authority = properties.get("zoneAuthority")
    first = authority[0] if isinstance(authority, list) and authority and isinstance(authority[0], dict) else {}
    contact = ", ".join(str(first[key]) for key in ("name", "phone", "email") if first.get(key))
    return "; ".join(part for part in (message, contact) if part)[:400]


# --- heights --------------------------------------------------------------------------------------------------------


def limit(value: Any, reference: Any, unit: Any) -> Limit | None:
    """One published limit; None where there is none. Raises ValueError for a unit or reference nobody knows."""
    if value is None or value == "":
        return None
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"limit {value!r} is no height")
    above = str(reference or "AGL").upper()
    above = _ALIASES.get(above, above)
    if above not in REFERENCES:
        raise ValueError(f"limit above {reference!r}; allowed are {', '.join(REFERENCES)}")
    word = str(unit or "m").upper()
    if above == "FL" or word == "FL":
        # A flight level counts in hundreds of feet, whatever unit stands beside it.
        return Limit(number * FLIGHT_LEVEL_M, "FL")
    if word not in ("M", "FT"):
        raise ValueError(f"unit {unit!r}; allowed are M, FT and FL")
    return Limit(number * (FOOT_M if word == "FT" else 1.0), above)


def _ed269(volume: dict[str, Any], shared: dict[str, Any]) -> Zone:
    unit = volume.get("uomDimensions")
    area = _projection(volume["horizontalProjection"], unit)
    lower = limit(volume.get("lowerLimit"), volume.get("lowerVerticalReference"), unit) or Limit(0.0, "AGL")
    upper = limit(volume.get("upperLimit"), volume.get("upperVerticalReference"), unit)
    return Zone(area=area, lower=lower, upper=upper, **shared)


def _geojson(geometry: dict[str, Any], properties: dict[str, Any], shared: dict[str, Any]) -> Zone:
    layer = geometry.get("layer") or properties.get("layer") or properties
    unit = layer.get("uom") or layer.get("lowerUnit") or layer.get("uomDimensions")
    lower_value = layer.get("lower", layer.get("lowerLimit"))
    upper_value = layer.get("upper", layer.get("upperLimit"))
    lower = limit(lower_value, layer.get("lowerReference", layer.get("lowerVerticalReference")), unit)
    upper = limit(upper_value, layer.get("upperReference", layer.get("upperVerticalReference")), unit)
    if geometry.get("type") == "Point":
        extent = geometry.get("extent") if isinstance(geometry.get("extent"), dict) else {}
        assert isinstance(extent, dict)
        radius = extent.get("radius") or properties.get("radius") or geometry.get("radius")
        if radius is None:
            raise ValueError("a point without a radius is no zone")
        lon, lat = geometry["coordinates"][:2]
        area: BaseGeometry = _circle(float(lat), float(lon), float(radius))
    else:
        area = _valid(shape({key: geometry[key] for key in ("type", "coordinates")}))
    return Zone(area=area, lower=lower or Limit(0.0, "AGL"), upper=upper, **shared)


# --- areas ----------------------------------------------------------------------------------------------------------


def _projection(projection: dict[str, Any], unit: Any) -> BaseGeometry:
    if projection["type"] == "Circle":
        lon, lat = projection["center"][:2]
        radius = float(projection["radius"]) * (FOOT_M if str(unit).upper() == "FT" else 1.0)
        return _circle(float(lat), float(lon), radius)
    return _valid(shape({"type": "Polygon", "coordinates": projection["coordinates"]}))


def _circle(lat_deg: float, lon_deg: float, radius_m: float) -> Polygon:
    """The polygon around a circle, so that nothing of it is cut off."""
    if not 0.0 < radius_m <= 500_000.0:
        raise ValueError(f"radius {radius_m:g} m; allowed are more than 0 up to 500000 m")
    angles = np.arange(_CIRCLE_POINTS) * 2.0 * math.pi / _CIRCLE_POINTS
    outside = radius_m / math.cos(math.pi / _CIRCLE_POINTS)
    ring = np.column_stack([outside * np.sin(angles), outside * np.cos(angles), np.zeros(_CIRCLE_POINTS)])
    frame = LocalFrame(GeoPoint(lat_deg, lon_deg, 0.0, Datum.SEA_LEVEL))
    lat, lon, _ = frame.geo_from_enu(ring)
    return Polygon(np.column_stack([lon, lat]))


def _valid(found: BaseGeometry) -> BaseGeometry:
    if found.geom_type not in ("Polygon", "MultiPolygon") or found.is_empty:
        raise ValueError(f"a {found.geom_type} is no zone; allowed are Polygon, MultiPolygon and circles")
    west, south, east, north = found.bounds
    if west < -180.0 or east > 180.0 or south < -90.0 or north > 90.0:
        raise ValueError("it lies outside of the earth (longitude and latitude swapped?)")
    # An outline that crosses itself still forbids what it surrounds.
    return found if found.is_valid else found.buffer(0.0)


def _of_kml(text: str, name: str) -> Iterator[Zone]:
    """Areas, and lines that end where they began."""
    found = False
    for each in kml.shapes(text, name):
        closed = each.kind == "line" and len(each.places) > 3 and bool(np.allclose(each.places[0], each.places[-1]))
        if each.kind != "area" and not closed:
            continue
        found = True
        yield Zone(each.name, each.name, "UNKNOWN", _valid(Polygon(each.places[:, :2])), source=name)
    if not found:
        raise FormatError(f"{name}: no area in this KML")


# --- times ----------------------------------------------------------------------------------------------------------


def _windows(entries: list[dict[str, Any]]) -> Iterator[Window]:
    if any(str(entry.get("permanent", "")).upper() in ("YES", "TRUE") for entry in entries):
        return
    for entry in entries:
        weekly = tuple(span for row in entry.get("schedule") or [] for span in _weekly(row))
        yield Window(_time(entry.get("startDateTime")), _time(entry.get("endDateTime")), weekly)


def _weekly(row: dict[str, Any]) -> Iterator[tuple[int, float, float]]:
    opens, closes = _clock(row.get("startTime"), 0.0), _clock(row.get("endTime"), 86_400.0)
    for day in row.get("day") or []:
        which = range(7) if str(day).upper() == "ANY" else [_DAYS.index(str(day).upper()[:3])]
        for number in which:
            yield number, opens, closes


def _time(text: Any) -> float | None:
    if not text:
        return None
    stamp = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    return (stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)).timestamp()


def _clock(text: Any, otherwise: float) -> float:
    if not text:
        return otherwise
    stamp = datetime.fromisoformat(f"2000-01-01T{str(text).rstrip('Z')}+00:00" if "T" not in str(text) else str(text))
    return stamp.hour * 3600.0 + stamp.minute * 60.0 + stamp.second
