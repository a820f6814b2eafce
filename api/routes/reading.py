"""What can be read: lists as GeoJSON, health, metrics. Every answer carries the mode."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import orjson
from fastapi import APIRouter, HTTPException, Response
from numpy.typing import NDArray

from api.area_features import not_seen_features
from api.situation import Situation
from api.store.incident import recorded
from missions.geometry.geo import LocalFrame

Links = Callable[[], Mapping[str, bool]]


def answer(body: Any, status: int = 200, media_type: str = "application/json") -> Response:
    """JSON, the fast way."""
    return Response(orjson.dumps(body), status_code=status, media_type=media_type)


def collection(situation: Situation, features: list[dict[str, Any]], **extra: Any) -> Response:
    """A FeatureCollection with the mode and the server's time as foreign members."""
    body = {"type": "FeatureCollection", "mode": situation.mode, "generated_s": time.time(), **extra}
    return answer(body | {"features": features}, media_type="application/geo+json")


def feature(geometry: dict[str, Any] | None, properties: dict[str, Any], key: str) -> dict[str, Any]:
    """A GeoJSON feature."""
    return {"type": "Feature", "id": key, "geometry": geometry, "properties": properties}


def router(situation: Situation, links: Links) -> APIRouter:
    """The reading routes of one situation."""
    api = APIRouter()

    @api.get("/api/v1/hotspots")
    async def hotspots(incident: str | None = None) -> Response:
        if incident is not None and incident != situation.settings.name:
            raise HTTPException(404, f"incident {incident!r} is not the running one")
        coverage = situation.coverage_json()
        statement = coverage["statement_key"]
        return collection(situation, list(situation.hub.hotspots.values()), statement=statement)

    @api.get("/api/v1/vehicles")
    async def vehicles() -> Response:
        now_s = time.monotonic()
        found = []
        for vehicle in situation.station.vehicles.values():
            data = situation.vehicle_json(vehicle, now_s=now_s)
            point = None
            if data["lat_deg"] is not None:
                point = {"type": "Point", "coordinates": [data["lon_deg"], data["lat_deg"]]}
            found.append(feature(point, data, str(vehicle.sysid)))
        return collection(situation, found)

    @api.get("/api/v1/tracks")
    async def tracks() -> Response:
        found = [
            feature(
                {"type": "LineString", "coordinates": [point[:2] for point in track]},
                {"vehicle": sysid, "times_s": [point[2] for point in track]},
                str(sysid),
            )
            for sysid, track in situation.tracks.items()
            if len(track) > 1
        ]
        return collection(situation, found)

    @api.get("/api/v1/footprints")
    async def footprints() -> Response:
        found = []
        for topic, data in situation.hub.states.items():
            if topic.startswith("footprint/"):
                ring = data["polygon"]
                geometry = None if ring is None else {"type": "Polygon", "coordinates": [ring]}
                properties = {name: data[name] for name in ("vehicle", "camera", "time_s", "reason")}
                found.append(feature(geometry, properties, topic.removeprefix("footprint/")))
        return collection(situation, found)

    @api.get("/api/v1/coverage")
    def coverage(bbox: str | None = None) -> Response:
        """What was seen, what was hidden and what was in no picture. bbox: west,south,east,north to be searched."""
        data = situation.coverage_json()
        found = [feature(data.pop("polygon"), {"kind": "seen", **data}, "coverage")]
        if situation.surroundings is not None:
            frame = situation.surroundings.frame
            found += not_seen_features(situation.picture.coverage, frame, _box_en(bbox, frame))
        return collection(situation, found)

    @api.get("/api/v1/alarms")
    async def alarms() -> Response:
        found = [entry.payload for entry in situation.incident.journal.entries("alarm")]
        return answer({"mode": situation.mode, "alarms": found})

    @api.get("/api/v1/incidents")
    def incidents() -> Response:
        running = situation.settings.folder
        found = [facts | {"running": folder == running} for folder, facts in recorded(running.parent)]
        return answer({"mode": situation.mode, "incidents": found})

    @api.get("/api/v1/basemap")
    async def basemap() -> Response:
        features = situation.settings.basemap.get("features", [])
        return collection(situation, features if isinstance(features, list) else [])

    @api.get("/api/v1/status")
    async def status() -> Response:
        return answer(situation.hub.states.get("status", {"mode": situation.mode}))

    @api.get("/healthz")
    async def alive() -> Response:
        return answer({"alive": True, "mode": situation.mode})

    @api.get("/readyz")
    async def ready() -> Response:
        sources = situation.sources(links(), now_s=time.monotonic())
        waiting = [source.to_json() for source in sources if not source.ready]
        body = {"ready": not waiting, "mode": situation.mode, "not_ready": waiting}
        return answer(body | {"sources": [source.to_json() for source in sources]}, 200 if not waiting else 503)

    @api.get("/metrics")
    async def metrics() -> Response:
        return Response(_metrics(situation), media_type="text/plain; version=0.0.4")

    return api


def _box_en(bbox: str | None, frame: LocalFrame) -> NDArray[np.float64] | None:
    """west,south,east,north in degrees → (4, 2) corners, east and north, metres."""
    if bbox is None:
        return None
    try:
        west, south, east, north = (float(part) for part in bbox.split(","))
    except ValueError:
        raise HTTPException(422, f"bbox {bbox!r}; allowed is west,south,east,north in degrees") from None
    if not (-180.0 <= west < east <= 180.0 and -90.0 <= south < north <= 90.0):
        raise HTTPException(422, f"bbox {bbox!r}; allowed is west before east, south before north, in degrees")
    lat, lon = np.array([south, south, north, north]), np.array([west, east, east, west])
    return frame.enu_from_geo(lat, lon, frame.origin.alt_m)[:, :2]


def _metrics(situation: Situation) -> str:
    lines = [
        f"einsatzdrohne_pages {situation.hub.pages}",
        f"einsatzdrohne_hotspots {len(situation.hub.hotspots)}",
        f"einsatzdrohne_not_recorded_total {situation.not_recorded}",
        f"einsatzdrohne_journal_pending {situation.incident.journal.pending}",
        f"einsatzdrohne_telemetry_bytes {situation.incident.telemetry.offset}",
    ]
    for link, counters in situation.station.counters.items():
        for name in ("good", "garbage", "unknown"):
            lines.append(f'einsatzdrohne_link_frames_total{{link="{link}",kind="{name}"}} {getattr(counters, name)}')
    for eye in situation.eyes.values():
        label = f'{{camera="{eye.camera}"}}'
        lines += [
            f"einsatzdrohne_frames_total{label} {eye.observer.frames}",
            f"einsatzdrohne_frames_dropped_total{label} {eye.dropped}",
            f"einsatzdrohne_frames_unplaced_total{label} {eye.observer.unplaced}",
        ]
    return "\n".join(lines) + "\n"
