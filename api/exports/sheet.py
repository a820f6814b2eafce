"""The page to print: what was found and where, beside it what was looked at, a sketch of it, the key pictures."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np

from api.exports.gathered import Gathered
from api.exports.pdf import HEIGHT_MM, WIDTH_MM, Colour, Page, document, fitting
from api.exports.words import STATUS, heat, label, local, number

_MARGIN = 15.0
_RIGHT = WIDTH_MM - _MARGIN
_ROW_MM = 6.2
_SKETCH_MM = 100.0
_COLUMNS = (15.0, 42.0, 76.0, 98.0, 143.0, 162.0)
_HEADS = ("Wärmequelle", "Temperatur", "Stand", "UTMREF", "± m (95 %)", "zuletzt gesehen")
_HOT: Colour = (0.85, 0.35, 0.05)
_SEEN: Colour = (0.86, 0.93, 0.98)
_GREY: Colour = (0.45, 0.45, 0.45)


def sheet(incident: Gathered) -> bytes:
    """The PDF."""
    pages = [*_lists(incident), *_pictures(incident)]
    for at, page in enumerate(pages, start=1):
        foot = f"{incident.mode_word} · {incident.title} · Seite {at} von {len(pages)}"
        page.text(_MARGIN, HEIGHT_MM - 9.0, fitting(foot, 8.0, _RIGHT - _MARGIN), size=8.0, colour=_GREY)
    return document(pages, title=f"{incident.mode_word}: {incident.title}")


def _head(incident: Gathered) -> Page:
    page = Page()
    page.area([(_MARGIN, 12), (_RIGHT, 12), (_RIGHT, 22), (_MARGIN, 22)], line=(0.0, 0.0, 0.0), width=0.5)
    page.text(_MARGIN + 3, 19, incident.mode_word, size=16, bold=True)
    page.text(_MARGIN + 50, 19, fitting(incident.title, 13.0, _RIGHT - _MARGIN - 53), size=13, bold=True)
    return page


def _lists(incident: Gathered) -> Iterator[Page]:
    page = _head(incident)
    y = 30.0
    for line in _statement(incident):
        page.text(_MARGIN, y, line)
        y += 5.0
    y = _sketch(page, incident, y + 2.0) + 8.0
    rows = list(incident.hotspots)
    while True:
        for x, words in zip(_COLUMNS, _HEADS, strict=True):
            page.text(x, y, words, size=8.5, bold=True)
        page.line([(_MARGIN, y + 1.5), (_RIGHT, y + 1.5)])
        y += _ROW_MM
        fit = max(1, int((HEIGHT_MM - 18.0 - y) / _ROW_MM))
        for feature in rows[:fit]:
            _row(page, feature["properties"], y)
            y += _ROW_MM
        yield page
        rows = rows[fit:]
        if not rows:
            return
        page, y = _head(incident), 32.0


def _statement(incident: Gathered) -> list[str]:
    """Silence is not all-clear: what the list stands on."""
    begin, end = local(incident.started_s), local(incident.last_s)
    nothing: dict[str, Any] = {"area_m2": 0, "detection_probability": None}
    seen = incident.areas[0]["properties"] if incident.areas else nothing
    many = len(incident.hotspots)
    found = "Keine Wärmequelle erkannt" if not many else f"{many} Wärmequelle{'n' if many > 1 else ''} erkannt"
    chance = seen["detection_probability"]
    told = "" if chance is None else f", mittlere Entdeckungswahrscheinlichkeit {number(100.0 * chance, 0)} %"
    return [
        f"Beginn {begin}, letztes Bild {end}",
        f"{found} in {incident.frames} Bildern, {number(seen['area_m2'] / 1e4, 2)} ha gesehen{told}.",
        "Das gilt nur für die gesehene Fläche. Temperaturen sind scheinbare Oberflächentemperaturen.",
    ]


def _row(page: Page, facts: dict[str, Any], y: float) -> None:
    error = facts["ellipse95"]["semi_major_m"]
    cells = (
        label(facts), heat(facts), STATUS.get(facts["status"], facts["status"]), _spaced(facts["utmref"] or "-"),
        number(error, 1 if error < 10.0 else 0), local(facts["last_seen_s"], "%d.%m.%Y %H:%M:%S"),
    )  # fmt: skip
    for at, (x, words) in enumerate(zip(_COLUMNS, cells, strict=True)):
        page.text(x, y, words, size=9, bold=at == 0)


def _spaced(utmref: str) -> str:
    found = re.fullmatch(r"(\d{1,2}[A-Z])\s*([A-Z]{2})\s*(\d+)\s*(\d*)", utmref)
    if not found:
        return utmref
    digits = found[3] + found[4]
    half = len(digits) // 2
    return f"{found[1]} {found[2]} {digits[:half]} {digits[half:]}"


def _sketch(page: Page, incident: Gathered, top: float) -> float:
    """North is up; what was seen, the flight, and each hotspot with its ellipse. Where it ends, millimetres."""
    places = [place for feature in incident.areas[:1] for place in _corners(feature)]
    places += [
        (point[0], point[1]) for feature in incident.hotspots for point in feature["properties"]["ellipse_polygon"]
    ]
    if not places:
        return top
    lon, lat = np.array(places).T
    middle = float(lat.min() + lat.max()) / 2.0
    metre = 111_320.0 * math.cos(math.radians(middle))
    wide, tall = float(np.ptp(lon)) * metre, float(np.ptp(lat)) * 111_320.0
    scale = min((_RIGHT - _MARGIN - 4) / max(wide, 20.0), (_SKETCH_MM - 4) / max(tall, 20.0))  # mm a metre
    left, up = (float(lon.min() + lon.max()) / 2.0, middle)

    def at(point: Any) -> tuple[float, float]:
        x = (_MARGIN + _RIGHT) / 2.0 + (float(point[0]) - left) * metre * scale
        return x, top + _SKETCH_MM / 2.0 - (float(point[1]) - up) * 111_320.0 * scale

    frame = [(_MARGIN, top), (_RIGHT, top), (_RIGHT, top + _SKETCH_MM), (_MARGIN, top + _SKETCH_MM)]
    for feature in incident.areas[:1]:
        for rings in feature["geometry"]["coordinates"] if feature["geometry"] else []:
            page.area([at(point) for point in rings[0]], fill=_SEEN, line=(0.3, 0.55, 0.75))
            for hole in rings[1:]:
                page.area([at(point) for point in hole], fill=(1.0, 1.0, 1.0), line=(0.3, 0.55, 0.75))
    for feature in incident.hotspots:
        facts = feature["properties"]
        x, y = at(feature["geometry"]["coordinates"])
        page.area([at(point) for point in facts["ellipse_polygon"]], line=_HOT, width=0.4)
        page.area([(x - 0.7, y), (x, y - 0.7), (x + 0.7, y), (x, y + 0.7)], fill=_HOT)
        page.text(x + 1.2, y - 1.2, str(facts["number"]), size=10, bold=True)
    page.area(frame, line=_GREY)
    _scale_bar(page, scale, top)
    page.text(_MARGIN + 3, top + 6, "N", size=10, bold=True)
    page.line([(_MARGIN + 4.2, top + 13), (_MARGIN + 4.2, top + 7.2)], width=0.5)
    return top + _SKETCH_MM


def _corners(feature: dict[str, Any]) -> list[tuple[float, float]]:
    geometry = feature["geometry"]
    return [(p[0], p[1]) for rings in geometry["coordinates"] for p in rings[0]] if geometry else []


def _scale_bar(page: Page, scale: float, top: float) -> None:
    longest = 45.0 / scale
    step = 10.0 ** math.floor(math.log10(longest))
    metres = max(step * times for times in (1, 2, 5) if step * times <= longest)
    y, end = top + _SKETCH_MM - 4.0, _RIGHT - 4.0
    page.line([(end - metres * scale, y), (end, y)], width=0.8)
    page.text(end - metres * scale, y - 1.5, f"{metres:g} m".replace(".", ","), size=8)


def _pictures(incident: Gathered) -> Iterator[Page]:
    """Six to a page, each with its moment."""
    for begin in range(0, len(incident.pictures), 6):
        page = _head(incident)
        for at, kept in enumerate(incident.pictures[begin : begin + 6]):
            x, y = _MARGIN + 92.0 * (at % 2), 30.0 + 84.0 * (at // 2)
            jpeg = kept.path.read_bytes()
            decoded = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
            if decoded is None:
                page.text(x, y + 6, f"{kept.path.name}: nicht lesbar", size=9)
                continue
            rows, columns = decoded.shape[:2]
            done, colour = cv2.imencode(".jpg", decoded, [cv2.IMWRITE_JPEG_QUALITY, 90])
            if done:  # in colour, whatever it was: the writer knows one kind
                page.picture(x, y, min(88.0, 74.0 * columns / rows), colour.tobytes(), columns, rows)
            words = f"{local(kept.observation.time_s)} · Kamera {kept.observation.camera}"
            page.text(x, y + 78.0, fitting(words, 8.5, 88.0), size=8.5)
        yield page
