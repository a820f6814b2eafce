"""KML 2.2 (OGC 07-147r2): hotspots with their ellipses, tracks, what was seen. Colours are aabbggrr."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from xml.sax.saxutils import escape

from api.exports.gathered import Gathered
from api.exports.words import heat, label

# Name, line, its width, area.
_LOOKS = (
    ("ellipse", "ff7ab2ff", 2, "404d9aff"),
    ("track", "ffffd47f", 3, "00000000"),
    ("seen", "ffd9a34d", 2, "20d9a34d"),
    ("hidden", "ffc83cc8", 2, "40c83cc8"),
)
_STYLES = '<Style id="hotspot"><IconStyle><color>ff4d9aff</color><scale>1.2</scale></IconStyle></Style>' + "".join(
    f'<Style id="{name}"><LineStyle><color>{line}</color><width>{width}</width></LineStyle>'
    f"<PolyStyle><color>{area}</color></PolyStyle></Style>"
    for name, line, width, area in _LOOKS
)
_AREAS = {"seen": "gesehen", "hidden": "verdeckt, nicht gesehen", "gap": "Lücke, nicht gesehen"}


def document(incident: Gathered) -> str:
    """The whole file."""
    marks = [part for feature in incident.hotspots for part in _hotspot(feature)]
    lines = [_track(vehicle, track) for vehicle, track in incident.tracks.items() if len(track) > 1]
    areas = [part for feature in incident.areas for part in _area(feature)]
    name = escape(f"{incident.mode_word}: {incident.title}")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2"><Document>'
        f"<name>{name}</name>{_STYLES}\n"
        + _folder("Wärmequellen", marks) + _folder("Flugweg", lines) + _folder("Gesehene Fläche", areas)
        + "</Document></kml>\n"
    )  # fmt: skip


def _folder(name: str, parts: Iterable[str]) -> str:
    return f"<Folder><name>{name}</name>\n{''.join(parts)}</Folder>\n"


def _hotspot(feature: dict[str, Any]) -> list[str]:
    facts = feature["properties"]
    lon, lat = feature["geometry"]["coordinates"][:2]
    words = {key: facts[key] for key in sorted(facts) if not isinstance(facts[key], (list, dict))}
    words |= {f"ellipse95_{key}": value for key, value in facts["ellipse95"].items()}
    data = "".join(
        f'<Data name="{escape(key)}"><value>{"" if value is None else escape(str(value))}</value></Data>'
        for key, value in words.items()
    )
    told = escape(f"{heat(facts)}, {facts['utmref']}, ± {facts['ellipse95']['semi_major_m']} m")
    point = f"<Point><coordinates>{lon},{lat}</coordinates></Point>"
    when = f"<TimeStamp><when>{facts['last_seen']}</when></TimeStamp>"
    name = escape(label(facts))
    return [
        f'<Placemark id="{escape(facts["id"])}"><name>{name}</name><description>{told}</description>{when}'
        f"<styleUrl>#hotspot</styleUrl><ExtendedData>{data}</ExtendedData>{point}</Placemark>\n",
        f"<Placemark><name>{name}: 95 %</name><styleUrl>#ellipse</styleUrl>"
        f"{_polygon([facts['ellipse_polygon']])}</Placemark>\n",
    ]


def _track(vehicle: int, track: Sequence[tuple[float, float, float, float]]) -> str:
    at = " ".join(f"{lon},{lat},{alt}" for lon, lat, alt, _ in track)
    line = f"<LineString><altitudeMode>absolute</altitudeMode><coordinates>{at}</coordinates></LineString>"
    return f"<Placemark><name>Drohne {vehicle}</name><styleUrl>#track</styleUrl>{line}</Placemark>\n"


def _area(feature: dict[str, Any]) -> list[str]:
    geometry, kind = feature["geometry"], feature["properties"]["kind"]
    if geometry is None:
        return []
    parts = "".join(_polygon(rings) for rings in geometry["coordinates"])
    style = "seen" if kind == "seen" else "hidden"
    name = _AREAS.get(kind, kind)
    shape = f"<MultiGeometry>{parts}</MultiGeometry>"
    return [f"<Placemark><name>{name}</name><styleUrl>#{style}</styleUrl>{shape}</Placemark>\n"]


def _polygon(rings: Sequence[Sequence[Sequence[float]]]) -> str:
    found = []
    for at, ring in enumerate(rings):
        tag = "outerBoundaryIs" if at == 0 else "innerBoundaryIs"
        places = " ".join(f"{lon},{lat}" for lon, lat in ring)
        found.append(f"<{tag}><LinearRing><coordinates>{places}</coordinates></LinearRing></{tag}>")
    return f"<Polygon>{''.join(found)}</Polygon>"
