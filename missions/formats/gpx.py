"""GPX 1.1 (Topografix): a route or a track as a path in, the path of a plan out; heights are above sea level."""

from __future__ import annotations

import math
from xml.sax.saxutils import escape, quoteattr

from missions.formats import xml
from missions.formats.plan import FormatError, Plan
from missions.geometry.geo import Datum, GeoPoint
from missions.items import compile_items
from missions.mission import FlyTo, Mission, ReturnHome, TakeOff
from missions.path import legs_of

MOST_POINTS = 100_000


def parse(text: str, name: str) -> Plan:
    """The route, else the track, as a path to fly at its own heights. Raises FormatError naming the point."""
    root = xml.parse(text, name, "gpx")
    nodes = list(xml.all_of(root, "rtept")) or list(xml.all_of(root, "trkpt"))
    if not 2 <= len(nodes) <= MOST_POINTS:
        raise FormatError(f"{name}: {len(nodes)} route or track points; 2 to {MOST_POINTS:,} are needed")
    points = [_point(node, f"{name}: point {number}") for number, node in enumerate(nodes, start=1)]
    notes = ("read from a GPX path: take-off and return were added, home is where the aircraft stands",)
    mission = Mission(name, (TakeOff(10.0), *map(FlyTo, points), ReturnHome()), notes=notes)
    return Plan(name, compile_items(mission), notes=notes)


def _point(node: xml.Element, where: str) -> GeoPoint:
    try:
        lat, lon, alt = float(node.get("lat", "")), float(node.get("lon", "")), float(xml.text_of(node, "ele"))
    except ValueError as problem:
        raise FormatError(f"{where}: lat, lon and ele (metres above sea level) are needed") from problem
    if not (abs(lat) <= 90.0 and abs(lon) <= 180.0 and math.isfinite(alt)):
        raise FormatError(f"{where}: latitude {lat:g}, longitude {lon:g}, height {alt:g} is no place on earth")
    return GeoPoint(lat, lon, alt, Datum.SEA_LEVEL)


def write(plan: Plan) -> str:
    """The path as a route. Raises FormatError without a home, or with heights above ground, which GPX cannot say."""
    if plan.home is None:
        raise FormatError(f"{plan.name}: heights above home need home's own height; give --home LAT,LON,ALT")
    rows = []
    for leg in legs_of(plan.items, plan.home):
        end = leg.end
        if leg.why == "jump":
            continue
        if end.datum is Datum.GROUND:
            raise FormatError(f"{plan.name}: item {end.seq} is above ground; GPX knows heights above sea level only")
        alt = end.alt_m + (plan.home.alt_m if end.datum is Datum.HOME else 0.0)
        rows.append(f'<rtept lat="{end.lat_deg:.7f}" lon="{end.lon_deg:.7f}"><ele>{alt:.2f}</ele></rtept>')
    body = "\n".join(rows)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<gpx version="1.1" creator={quoteattr("einsatzdrohne")} xmlns="http://www.topografix.com/GPX/1/1">'
        f"<rte><name>{escape(plan.name)}</name>\n{body}\n</rte></gpx>\n"
    )
