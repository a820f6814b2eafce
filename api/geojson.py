"""GeoJSON as it leaves the house (RFC 7946): lon, lat, rings counter-clockwise, seven decimals, the mode on all."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from missions.geometry.geo import LocalFrame

Floats = NDArray[np.float64]


def iso(utc_s: float | None) -> str | None:
    """ISO 8601 in UTC with milliseconds, or None."""
    if utc_s is None:
        return None
    return datetime.fromtimestamp(utc_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def ring_of(frame: LocalFrame, ring_en: Floats) -> list[list[float]]:
    """(N, 2) east-north metres → closed ring of [lon, lat], counter-clockwise."""
    e, n = ring_en[:, 0], ring_en[:, 1]
    if float(np.sum(e * np.roll(n, -1) - np.roll(e, -1) * n)) < 0:
        ring_en = ring_en[::-1]
    lat, lon, _ = frame.geo_from_enu(np.column_stack([ring_en, np.zeros(len(ring_en))]))
    ring = [[round(float(x), 7), round(float(y), 7)] for x, y in zip(lon, lat, strict=True)]
    return [*ring, ring[0]] if ring[0] != ring[-1] else ring


def ellipse_ring(frame: LocalFrame, lat_deg: float, lon_deg: float, ellipse: Mapping[str, float]) -> list[list[float]]:
    """The 95 % ellipse as a ring of 36 points."""
    centre = frame.enu_from_geo(lat_deg, lon_deg, frame.origin.alt_m)[:2]
    azimuth = math.radians(ellipse["azimuth_deg"])
    turns = np.linspace(0, 2 * math.pi, 36, endpoint=False)
    along, across = ellipse["semi_major_m"] * np.cos(turns), ellipse["semi_minor_m"] * np.sin(turns)
    ring = np.column_stack(
        [
            along * math.sin(azimuth) + across * math.cos(azimuth),
            along * math.cos(azimuth) - across * math.sin(azimuth),
        ]
    )
    return ring_of(frame, ring + centre)


def hotspot_feature(facts: Mapping[str, Any], frame: LocalFrame, mode: str) -> dict[str, Any]:
    """The agreed hotspot feature from what the memory says of it."""
    facts = dict(facts)
    lat, lon = facts.pop("lat_deg"), facts.pop("lon_deg")
    first, last = facts.pop("first_seen_s"), facts.pop("last_seen_s")
    return {
        "type": "Feature",
        "id": facts["id"],
        "geometry": {"type": "Point", "coordinates": [lon, lat]},
        "properties": {
            **facts,
            "first_seen": iso(first),
            "last_seen": iso(last),
            "last_seen_s": last,
            "ellipse_polygon": ellipse_ring(frame, lat, lon, facts["ellipse95"]),
            "mode": mode,
        },
    }
