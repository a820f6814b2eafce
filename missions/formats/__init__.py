"""Mission files of other programs, in and out. Text in, text out; opening files is somebody else's work.

`read` recognises a file by what is in it, not by its name; `write` chooses by the ending asked for.
"""

from __future__ import annotations

from missions.formats import geojson, gpx, held, kml, litchi, mavproxy, qgc, wpl, wpml
from missions.formats.plan import FormatError, KeptBlock, Plan

__all__ = [
    "ENDINGS", "FormatError", "KeptBlock", "Plan", "ending_of", "not_held", "read", "text_of", "write", "write_bytes",
]  # fmt: skip

ENDINGS = (".plan", ".waypoints", ".txt", ".geojson", ".kml", ".kmz", ".gpx", ".csv", ".dji.kmz")


def ending_of(name: str) -> str:
    """The ending of a file name, the longest that is written here; else its suffix."""
    known = [ending for ending in ENDINGS if name.lower().endswith(ending)]
    return max(known, key=len) if known else name[name.rfind(".") :] if "." in name else ""


def text_of(data: bytes, name: str) -> str:
    """Bytes of a file → the text that `read` takes; a KMZ is unpacked. Raises FormatError."""
    if data.startswith(kml.ZIP_SIGNATURE):
        return kml.text_of_kmz(data, name)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise FormatError(f"{name}: is no text file") from problem


def read(text: str, name: str) -> Plan:
    """Text of a `.plan`, WPL 110, MAVProxy fence/rally, KML or GPX file → Plan.

    Raises FormatError naming file, line or entry, and what is allowed.
    """
    text = text.removeprefix("\ufeff")
    start = text.lstrip()[:40]
    if not start:
        raise FormatError(f"{name}: is empty")
    if start.startswith("{"):
        return qgc.parse_plan(text, name)
    if start.startswith("QGC WPL"):
        return wpl.parse(text, name)
    if start.startswith("<"):
        return gpx.parse(text, name) if "<gpx" in text[:2000] else kml.parse(text, name)
    if start.startswith("RALLY"):
        return mavproxy.parse_rally_list(text, name)
    first = start.split("\n")[0].split()
    if len(first) == 2 and all(_is_number(field) for field in first):
        return mavproxy.parse_fence_list(text, name)
    raise FormatError(
        f"{name}: not a mission file known here; allowed are QGroundControl .plan, QGC WPL 110, "
        "MAVProxy fence and rally lists, and paths in KML, KMZ and GPX"
    )


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def write_bytes(plan: Plan, ending: str, aircraft: str = wpml.USUAL_AIRCRAFT) -> bytes:
    """Plan → file content for any of `ENDINGS`. `aircraft`: for `.dji.kmz`, a key of `wpml.AIRCRAFT`."""
    if ending == ".dji.kmz":
        return wpml.write(plan, aircraft)
    if ending == ".kmz":
        return kml.kmz_of(kml.write(plan))
    return write(plan, ending).encode()


def not_held(plan: Plan, ending: str) -> tuple[str, ...]:
    """What of a plan a file with this ending does not hold, a sentence each; empty when it holds everything."""
    if ending == ".csv":
        return litchi.lost(plan)
    if ending == ".dji.kmz":
        return (*wpml.lost(plan), wpml.UNTESTED)
    return held.lost(plan, ending)


def write(plan: Plan, ending: str) -> str:
    """Plan → text for `.plan`, `.waypoints`/`.txt` (WPL 110), `.geojson`, `.kml`, `.gpx` or `.csv` (Litchi).

    A WPL file holds one list: the mission, or else the fence, or else the rally points. Raises FormatError for
    another ending or for a plan that does not fit into the format.
    """
    if ending == ".plan":
        return qgc.write_plan(plan)
    if ending == ".geojson":
        return geojson.write(plan)
    if ending == ".kml":
        return kml.write(plan)
    if ending == ".gpx":
        return gpx.write(plan)
    if ending == ".csv":
        return litchi.write(plan)
    if ending in (".waypoints", ".txt"):
        full = [
            part for part, items in (("mission", plan.items), ("fence", plan.fence), ("rally", plan.rally)) if items
        ]
        if len(full) > 1:
            raise FormatError(f"{plan.name}: holds {' and '.join(full)}, a waypoint file holds one list; write a .plan")
        return wpl.write(plan, full[0] if full else "mission")
    raise FormatError(f"ending {ending!r}: allowed are {', '.join(ENDINGS)}")
