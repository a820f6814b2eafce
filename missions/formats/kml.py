"""KML 2.2 (OGC 07-147r2) and KMZ: lines as paths in, areas for zones in, plans out.

Coordinates are ``lon,lat[,alt]`` without blanks inside a tuple; what a height stands on is said by ``altitudeMode``:
relativeToGround (above ground), absolute (above sea level), or clampToGround, where the number means nothing and is
therefore not a flight height. A KMZ is a ZIP whose first ``.kml`` counts.
"""

from __future__ import annotations

import io
import math
import zipfile
from dataclasses import dataclass
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from missions.formats import xml
from missions.formats.plan import FormatError, Plan
from missions.geometry.geo import Datum, GeoPoint
from missions.items import DATUM_OF_FRAME, STORED_FRAME, compile_items, has_place, name_of
from missions.mission import FlyTo, Mission, ReturnHome, TakeOff
from missions.path import legs_of

Floats = NDArray[np.float64]

ZIP_SIGNATURE = b"PK\x03\x04"
MOST_POINTS = 100_000
_MODES = {"relativeToGround": Datum.GROUND, "absolute": Datum.SEA_LEVEL}
_MODE_OF = {Datum.GROUND: "relativeToGround", Datum.SEA_LEVEL: "absolute"}


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """One geometry of a placemark. `kind`: "point", "line" or "area"; `places`: (N, 3) longitude, latitude, height;
    `datum`: what the heights stand on, None where the file clamps them to the ground."""

    kind: str
    name: str
    places: Floats
    datum: Datum | None


def text_of_kmz(data: bytes, name: str) -> str:
    """The KML in a KMZ. Raises FormatError for a broken ZIP, one that unpacks too large, or without a KML."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            inside = next((i for i in archive.infolist() if i.filename.lower().endswith(".kml")), None)
            if inside is None:
                raise FormatError(f"{name}: there is no .kml in this KMZ")
            # The size in the directory may lie: not more is read than allowed, whatever it says.
            with archive.open(inside) as file:
                raw = file.read(xml.MOST_BYTES + 1)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, ValueError) as problem:
        if isinstance(problem, FormatError):
            raise
        raise FormatError(f"{name}: broken KMZ ({problem})") from problem
    if len(raw) > xml.MOST_BYTES:
        raise FormatError(f"{name}: unpacks to more than {xml.MOST_BYTES:,} bytes")
    return raw.decode("utf-8", "replace")


def kmz_of(text: str) -> bytes:
    """KML text → KMZ, the same bytes for the same text."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(zipfile.ZipInfo("doc.kml"), text.encode(), zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def shapes(text: str, name: str) -> tuple[Shape, ...]:
    """Every point, line and area of a document, by placemark. Raises FormatError naming the placemark."""
    found: list[Shape] = []
    for placemark in xml.all_of(xml.parse(text, name, "kml"), "Placemark"):
        title = xml.text_of(placemark, "name")[:200]
        for geometry in xml.all_of(placemark, "Point", "LineString", "Polygon"):
            found.append(_shape(geometry, title, name))
            if sum(len(shape.places) for shape in found) > MOST_POINTS:
                raise FormatError(f"{name}: more than {MOST_POINTS:,} points")
    return tuple(found)


def _shape(geometry: xml.Element, title: str, name: str) -> Shape:
    kind = {"Point": "point", "LineString": "line", "Polygon": "area"}[xml.local(geometry)]
    outline = geometry
    if kind == "area":
        outline = next(xml.all_of(geometry, "outerBoundaryIs"), geometry)
    coordinates = next(xml.all_of(outline, "coordinates"), None)
    where = f"{name}: placemark {title!r}"
    places = _places("" if coordinates is None else coordinates.text or "", where)
    if len(places) < {"point": 1, "line": 2, "area": 3}[kind]:
        raise FormatError(f"{where}: a {kind} of {len(places)} points")
    return Shape(kind, title, places, _MODES.get(xml.text_of(geometry, "altitudeMode")))


def _places(text: str, where: str) -> Floats:
    rows = []
    for word in text.split():
        parts = word.split(",")
        try:
            numbers = [float(part) for part in parts if part]
        except ValueError:
            numbers = []
        if len(numbers) not in (2, 3) or not all(map(math.isfinite, numbers)):
            raise FormatError(f"{where}: {word[:40]!r} is no lon,lat[,alt]")
        if abs(numbers[0]) > 180.0 or abs(numbers[1]) > 90.0:
            raise FormatError(f"{where}: longitude {numbers[0]:g}, latitude {numbers[1]:g} is no place on earth")
        rows.append((*numbers, 0.0)[:3])
    return np.array(rows, np.float64).reshape(-1, 3)


def parse(text: str, name: str) -> Plan:
    """The one line of a document as a path to fly: take-off to its first height, along it, and home.

    Raises FormatError: no line or several, heights clamped to the ground, or none above it.
    """
    lines = [shape for shape in shapes(text, name) if shape.kind == "line"]
    if len(lines) != 1:
        raise FormatError(f"{name}: {len(lines)} lines; exactly one path is needed to fly it")
    line = lines[0]
    if line.datum is None:
        raise FormatError(f"{name}: the path is clamped to the ground: it has no flight height (altitudeMode)")
    points = [GeoPoint(float(lat), float(lon), float(alt), line.datum) for lon, lat, alt in line.places]
    if line.datum is Datum.GROUND and min(point.alt_m for point in points) <= 0.0:
        raise FormatError(f"{name}: the path lies on the ground; heights of more than 0 m are needed")
    notes = ("read from a KML path: take-off and return were added, home is where the aircraft stands",)
    climb = points[0].alt_m if line.datum is Datum.GROUND else 10.0
    mission = Mission(line.name or "path", (TakeOff(climb), *map(FlyTo, points), ReturnHome()), notes=notes)
    return Plan(name, compile_items(mission), notes=notes)


def write(plan: Plan) -> str:
    """Plan → KML: the path as a line that hangs above ground, and every item with a place. Fences and rally points
    have no word in KML that anything would fly by: they are drawn, and named for what they are."""
    marks = [_path(plan)] if plan.home is not None else []
    marks += [
        _mark(f"{seq} {name_of(item.command)}", item.lon_deg, item.lat_deg, item.alt_m, _datum(item.frame))
        for seq, item in enumerate(plan.items)
        if has_place(item.command) and (item.lat_deg or item.lon_deg) and math.isfinite(item.alt_m)
    ]
    marks += [
        _mark(f"{part} {seq}", item.lon_deg, item.lat_deg, 0.0, None)
        for part, items in (("fence", plan.fence), ("rally", plan.rally))
        for seq, item in enumerate(items)
    ]
    body = "\n".join(mark for mark in marks if mark)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2"><Document>\n'
        f"<name>{escape(plan.name)}</name>\n{body}\n</Document></kml>\n"
    )


def _datum(frame: int) -> Datum | None:
    return DATUM_OF_FRAME.get(STORED_FRAME.get(frame, -1))


def _path(plan: Plan) -> str:
    """Heights above home are written above sea level: KML knows no home."""
    assert plan.home is not None
    rows, mode = [], "absolute"
    for leg in legs_of(plan.items, plan.home):
        end = leg.end
        if leg.why == "jump":
            continue
        if end.datum is Datum.GROUND:
            mode = "relativeToGround"
        rows.append((end.lon_deg, end.lat_deg, end.alt_m + (plan.home.alt_m if end.datum is Datum.HOME else 0.0)))
    if len(rows) < 2:
        return ""
    text = " ".join(f"{lon:.7f},{lat:.7f},{alt:.2f}" for lon, lat, alt in rows)
    return (
        f"<Placemark><name>{escape(plan.name)}</name><LineString><altitudeMode>{mode}</altitudeMode>"
        f"<coordinates>{text}</coordinates></LineString></Placemark>"
    )


def _mark(title: str, lon_deg: float, lat_deg: float, alt_m: float, datum: Datum | None) -> str:
    mode = "clampToGround" if datum is None else _MODE_OF.get(datum, "relativeToGround")
    return (
        f"<Placemark><name>{escape(title)}</name><Point><altitudeMode>{mode}</altitudeMode>"
        f"<coordinates>{lon_deg:.7f},{lat_deg:.7f},{alt_m:.2f}</coordinates></Point></Placemark>"
    )
