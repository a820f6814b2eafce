"""One FeatureCollection (RFC 7946): the hotspots, the tracks of the cameras, what was seen, hidden and left out."""

from __future__ import annotations

import json
from typing import Any

from api.exports.gathered import Gathered
from api.geojson import iso


def track_features(incident: Gathered) -> list[dict[str, Any]]:
    """A line for each vehicle; heights are above sea level and therefore no third coordinate."""
    found = []
    for vehicle, track in incident.tracks.items():
        facts = {"kind": "track", "vehicle": vehicle, "mode": incident.mode, "begin": iso(track[0][3])}
        facts["end"] = iso(track[-1][3])
        if len(track) > 1:
            geometry = {"type": "LineString", "coordinates": [[lon, lat] for lon, lat, _, _ in track]}
            found.append({"type": "Feature", "id": f"track-{vehicle}", "geometry": geometry, "properties": facts})
    return found


def document(incident: Gathered) -> str:
    """The whole file."""
    features = [*incident.hotspots, *track_features(incident), *incident.areas]
    head: dict[str, Any] = {"type": "FeatureCollection", "mode": incident.mode, "incident": incident.title}
    head |= {"started": iso(incident.started_s), "as_of": iso(incident.last_s)}
    return json.dumps(head | {"features": features}, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
