"""Cursor on Target 2.0 events, one after the other as a TAK server takes them from a stream.

A hotspot is a spot map point ``b-m-p-s-m``; ``ce`` is the radius that holds the place in 90 of 100 cases, taken from
the longer half axis: √(4.605/5.991) of the 95 % one, so never too small. Heights above the ellipsoid are not known
here and say so (9999999.0). No event is of an emergency type, and each has an end.
"""

from __future__ import annotations

import math
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from api.exports.gathered import Gathered
from api.exports.words import STATUS, heat, label, number, utc

UNKNOWN = "9999999.0"
STALE_S = 24 * 3600.0
_CE90_OF_95 = math.sqrt(4.605 / 5.991)
# Operation, exercise, simulation: what is shown again or demonstrated must never look like an operation.
_OPEX = {"einsatz": "o", "uebung": "e"}


def document(incident: Gathered) -> str:
    """All hotspots as events, without a line break behind one."""
    return "".join(_event(incident, feature) for feature in incident.hotspots)


def _event(incident: Gathered, feature: dict[str, Any]) -> str:
    facts = feature["properties"]
    lon, lat = feature["geometry"]["coordinates"][:2]
    seen_s = facts["last_seen_s"]
    ce = max(0.1, facts["ellipse95"]["semi_major_m"] * _CE90_OF_95)
    status = STATUS.get(facts["status"], facts["status"])
    told = f"{incident.mode_word}: {label(facts)} {heat(facts)}, {status}, {facts['utmref']}"
    told += f", ± {number(facts['ellipse95']['semi_major_m'], 1)} m (95 %)"
    uid = quoteattr(f"einsatzdrohne-{incident.started_s:.0f}-{facts['id']}")
    opex = _OPEX.get(incident.mode, "s")
    return (
        f'<event version="2.0" uid={uid} type="b-m-p-s-m" how="m-f" opex="{opex}" time="{utc(seen_s)}" '
        f'start="{utc(seen_s)}" stale="{utc(seen_s + STALE_S)}">'
        f'<point lat="{lat}" lon="{lon}" hae="{UNKNOWN}" ce="{ce:.1f}" le="{UNKNOWN}"/>'
        f"<detail><contact callsign={quoteattr(label(facts))}/><remarks>{escape(told)}</remarks></detail></event>"
    )
