"""A server that speaks the page's half of the API with moving data: `python tests/browser/fixture_server.py PORT`.

It exists to look at the page and to break one thing at a time: POST /test/{name} with a JSON value sets a switch
(`telemetry`, `video`, `detection`, `frozen`, `mode`, `terrain`, `basemap`, `hotspots`, `blind`). It judges
nothing about the server of the product.
"""

from __future__ import annotations

import asyncio
import json
import math
import struct
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import uvicorn
from fastapi import FastAPI, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.staticfiles import StaticFiles
from numpy.typing import NDArray

from missions.geometry.geo import utmref

DIST = Path(__file__).resolve().parents[2] / "api" / "web" / "dist"
LAT, LON = 51.4505, 6.7428
METRE = 1 / 111_320
LEGEND = [[12.0, "#101010"], [60.0, "#b0b0b0"], [80.0, "#ffe04d"], [160.0, "#ff8a1a"], [260.0, "#e01010"]]


def place(east_m: float, north_m: float) -> list[float]:
    """Longitude, latitude of a point given in metres from the scene's centre; good enough for a picture."""
    return [LON + east_m * METRE / math.cos(math.radians(LAT)), LAT + north_m * METRE]


def ring(east_m: float, north_m: float, major_m: float, minor_m: float, azimuth_deg: float) -> list[list[float]]:
    a0 = math.radians(azimuth_deg)
    out = []
    for k in range(37):
        a = -2 * math.pi * (k % 36) / 36
        along, across = major_m * math.cos(a), minor_m * math.sin(a)
        out.append(
            place(
                east_m + along * math.sin(a0) + across * math.cos(a0),
                north_m + along * math.cos(a0) - across * math.sin(a0),
            )
        )
    return out


HOTSPOTS = [  # number, east, north, °C, lower bound, semi-major, status
    (1, -60, 40, 143.2, False, 3.4, "detected"),
    (2, 35, -25, 260.0, True, 4.1, "confirmed"),
    (3, 85, 70, None, False, 7.9, "detected"),
    (4, -130, -80, 88.6, False, 31.0, "detected"),
    (5, 10, 95, 61.0, False, 5.0, "extinguished"),
]


def hotspot(row: tuple[Any, ...], now_s: float) -> dict[str, Any]:
    number, east, north, peak, lower, major, status = row
    lon, lat = place(east, north)
    seen = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now_s - 7 * number))
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [round(lon, 7), round(lat, 7)]},
        "properties": {
            "id": f"h-{number}",
            "number": number,
            "kind": "fire",
            "status": status,
            "vehicle": 1,
            "camera": "1/100",
            "peak_c": peak,
            "peak_is_lower_bound": lower,
            "contrast_k": 40.0,
            "area_m2": 2.5,
            "first_seen": seen,
            "last_seen": seen,
            "sightings": 14,
            "utmref": utmref(lat, lon),
            "ellipse95": {"semi_major_m": major, "semi_minor_m": major * 0.7, "azimuth_deg": 40.0},
            "ellipse_polygon": ring(east, north, major, major * 0.7, 40.0),
            "confidence": None,
            "trend": "unknown",
        },
    }


class World:
    def __init__(self) -> None:
        self.switch: dict[str, Any] = {
            "telemetry": True,
            "video": True,
            "detection": True,
            "frozen": False,
            "mode": "demo",
            "terrain": True,
            "basemap": True,
            "hotspots": 5,
            "blind": None,
        }
        self.since = dict.fromkeys(self.switch, 0.0)
        self.epoch = f"fixture-{time.time():.0f}"
        self.started = time.time()
        self.seq = 0
        self.tiles: dict[str, int] = {}

    def age(self, name: str) -> float:
        """Seconds since this source stopped; 0.2 while it runs."""
        return 0.2 if self.switch[name] else time.time() - self.since[name]

    def clock(self) -> float:
        return time.time() - self.age("telemetry") + 0.2 - self.started

    def where(self) -> tuple[float, float, float]:
        phase = self.clock() / 9
        return 150 * math.sin(phase), 60 * math.sin(phase / 2), 90.0 if math.cos(phase) > 0 else 270.0

    def status(self) -> dict[str, Any]:
        def source(kind: str, name: str, camera: str | None = None) -> dict[str, Any]:
            age = self.age(name)
            state = "live" if age <= 3 else "stale" if age <= 10 else "lost"
            blind = self.switch["blind"] if kind == "detection" else None
            state = "off" if blind else state
            return {
                "id": f"{kind}/1",
                "kind": kind,
                "vehicle": 1,
                "camera": camera,
                "state": state,
                "age_s": age,
                "since_s": self.started,
                "text_key": None,
                "text": blind,
            }

        mode = self.switch["mode"]
        return {
            "mode": mode,
            "incident": {"name": "hafen", "title": "Brand Schrottplatz, Duisburg-Ruhrort", "started_s": self.started},
            "server_time_s": time.time(),
            "queues": [{"name": "frames", "lost": 12, "length": 0, "bound": 1}],
            "recording": {"ok": True, "not_recorded": 0},
            "sources": [
                source("link", "telemetry"),
                source("telemetry", "telemetry"),
                source("video", "video", "1/100"),
                source("detection", "detection", "1/100"),
                source("recording", "basemap"),
            ],
            "replay_time_s": 1533894202.0 + self.clock() if mode == "wiedergabe" else None,
        }

    def vehicle(self) -> dict[str, Any]:
        east, north, heading = self.where()
        lon, lat = place(east, north)
        return {
            "vehicle": 1,
            "time_s": time.time() - self.age("telemetry"),
            "age_s": self.age("telemetry"),
            "lat_deg": lat,
            "lon_deg": lon,
            "heading_deg": heading,
            "height_above_ground_m": 78.4 if self.switch["terrain"] else None,
            "height_above_home_m": 80.0,
            "alt_amsl_m": 110.0,
            "ground_speed_m_s": 5.0,
            "mode": "AUTO",
            "armed": True,
            "landed": False,
            "battery": {"remaining_pct": 76, "voltage_v": 22.4, "current_a": 14.0},
            "gps": {"fix": 3, "satellites": 14, "h_acc_m": 0.8},
            "mission": {"current": 4, "total": 17, "state": "active"},
            "texts": [],
            "ekf_ok": True,
        }

    def footprint(self) -> dict[str, Any]:
        east, north, _ = self.where()
        corners = [(-37, -30), (37, -30), (37, 30), (-37, 30)]
        return {"polygon": [place(east + x, north + y) for x, y in corners], "time_s": time.time(), "reason": None}

    def coverage(self) -> dict[str, Any]:
        box = [place(x, y) for x, y in ((-190, -95), (190, -95), (190, 95), (-190, 95), (-190, -95))]
        return {
            "frames": 412 + int(self.clock() * 9),
            "area_m2": 31_240.0,
            "since_s": self.started,
            "last_s": time.time(),
            "cameras": ["1/100"],
            "polygon": {"type": "MultiPolygon", "coordinates": [[box]]},
            "thermal_map": {"unit": "°C", "frames": 41 + int(self.clock()), "last_s": time.time() - 4.0},
            "detection_running": bool(self.switch["detection"]) and not self.switch["blind"],
            "statement_key": None,
        }

    def features(self) -> list[dict[str, Any]]:
        return [hotspot(row, time.time()) for row in HOTSPOTS[: self.switch["hotspots"]]]

    def envelope(self, topic: str, data: Any) -> str:
        self.seq += 1
        return json.dumps(
            {
                "v": 1,
                "epoch": self.epoch,
                "seq": self.seq,
                "topic": topic,
                "t_obs": time.time(),
                "t_srv": time.time(),
                "data": data,
            }
        )

    def picture(self, tick: int) -> NDArray[np.uint8]:
        rng = np.random.default_rng(tick)
        image = rng.normal(70, 9, (512, 640)).astype(np.float32)
        image[:, 300:340] += 25
        cv2.rectangle(image, (60, 80), (220, 200), 105, -1)
        cv2.circle(image, (400 + int(60 * math.sin(tick / 20)), 260), 14, 255, -1)
        grey = np.clip(cv2.GaussianBlur(image, (0, 0), 1.2), 0, 255).astype(np.uint8)
        colour = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
        colour[grey > 200] = (26, 138, 255)
        return colour


world = World()
app = FastAPI()


@app.middleware("http")
async def only_ourselves(request: Request, call_next: Any) -> Any:
    answer = await call_next(request)
    answer.headers["Content-Security-Policy"] = "default-src 'self'"
    answer.headers["Cache-Control"] = "no-cache"
    return answer


@app.post("/test/{name}")
async def turn(name: str, request: Request) -> dict[str, Any]:
    world.switch[name] = await request.json()
    world.since[name] = time.time()
    if name == "epoch":
        world.epoch = f"fixture-{time.time()}"
    return world.switch


@app.get("/api/v1/hotspots")
async def hotspots() -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": world.features(), "mode": world.switch["mode"]}


@app.get("/api/v1/basemap")
async def basemap() -> Response:
    if not world.switch["basemap"]:
        return Response(status_code=503)
    features: list[dict[str, Any]] = []

    def add(kind: str, geometry: str, coordinates: Any, label: str | None = None) -> None:
        features.append(
            {
                "type": "Feature",
                "properties": {"kind": kind, "label": label},
                "geometry": {"type": geometry, "coordinates": coordinates},
            }
        )

    add("water", "Polygon", [[place(*p) for p in ((-400, -260), (400, -260), (400, -130), (-400, -110), (-400, -260))]])
    add("quay", "LineString", [place(-400, -110), place(400, -130)])
    for y in (-60, 30, 130):
        add("street", "LineString", [place(-380, y), place(380, y - 8)])
    for x in (-200, 0, 190):
        add("street", "LineString", [place(x, -100), place(x + 10, 240)])
    for i in range(-3, 4):
        for j in range(3):
            e, n = i * 100 + 20, j * 85 - 45
            corners = ((e, n), (e + 50, n), (e + 50, n + 36), (e, n + 36), (e, n))
            add("building", "Polygon", [[place(*p) for p in corners]])
    add("label", "Point", place(0, -190), "Hafenbecken B")
    add("label", "Point", place(-60, 150), "Schrottplatz")
    return Response(json.dumps({"type": "FeatureCollection", "features": features}), media_type="application/geo+json")


@app.get("/tiles/{kind}/{z}/{x}/{y}.png")
async def tile(kind: str, z: int, x: int, y: int, layer: str) -> Response:
    """A chequered tile in a colour of its layer; each request is counted."""
    world.tiles[f"{kind}/{layer}"] = world.tiles.get(f"{kind}/{layer}", 0) + 1
    colour = {"latest": (90, 90, 90), "age": (60, 210, 230), "gsd": (90, 190, 60), "hidden": (200, 60, 200)}[layer]
    pixels = np.zeros((256, 256, 4), np.uint8)
    pixels[64:192, 64:192] = (*colour, 200)
    if layer == "latest":
        pixels[110:140, 110:140] = (50, 60, 255, 255)
    return Response(cv2.imencode(".png", pixels)[1].tobytes(), media_type="image/png")


@app.get("/test/tiles")
async def tiles() -> dict[str, int]:
    return world.tiles


@app.websocket("/api/v1/live")
async def live(socket: WebSocket) -> None:
    await socket.accept()
    track = [[*place(150 * math.sin(k / 18), 60 * math.sin(k / 36)), k] for k in range(int(world.clock() * 2))][-120:]
    whole = {
        "status": world.status(),
        "vehicle/1": world.vehicle(),
        "track/1": track,
        "coverage": world.coverage(),
        "footprint/1/100": world.footprint(),
        "hotspots": world.features(),
    }
    await socket.send_text(world.envelope("hello", {"epoch": world.epoch, "resume": False}))
    await socket.send_text(world.envelope("snapshot", whole))
    sender = asyncio.create_task(_send(socket))
    try:
        while True:
            message = json.loads(await socket.receive_text())
            if "ping" in message:
                await socket.send_text(json.dumps({"pong": message["ping"]}))
    except WebSocketDisconnect:
        sender.cancel()


async def _send(socket: WebSocket) -> None:
    tick, shown = 0, world.switch["hotspots"]
    while True:
        await asyncio.sleep(0.2)
        tick += 1
        if world.switch["telemetry"]:
            await socket.send_text(world.envelope("vehicle/1", world.vehicle()))
            await socket.send_text(world.envelope("footprint/1/100", world.footprint()))
        if tick % 5 == 0:
            await socket.send_text(world.envelope("status", world.status()))
            await socket.send_text(world.envelope("coverage", world.coverage()))
        for feature in world.features()[shown:]:
            await socket.send_text(world.envelope("hotspot", feature))
        shown = world.switch["hotspots"]


@app.websocket("/api/v1/video/{camera:path}")
async def video(socket: WebSocket, camera: str) -> None:
    await socket.accept()
    credit = asyncio.Semaphore(0)

    async def frames() -> AsyncIterator[bytes]:
        tick = 0
        while True:
            await asyncio.sleep(0.11)
            if not world.switch["video"]:
                continue
            tick += 0 if world.switch["frozen"] else 1
            head = {
                "seq": tick,
                "time_s": time.time() - 0.1,
                "age_s": 0.1,
                "width": 640,
                "height": 512,
                "min_c": 12.0,
                "max_c": 260.0,
                "frozen": world.switch["frozen"],
                "mode": world.switch["mode"],
                "detections": [],
                "legend": LEGEND,
            }
            text = json.dumps(head).encode()
            yield struct.pack(">I", len(text)) + text + cv2.imencode(".jpg", world.picture(tick))[1].tobytes()

    async def send() -> None:
        async for message in frames():
            await credit.acquire()
            await socket.send_bytes(message)

    sender = asyncio.create_task(send())
    try:
        while True:
            for _ in range(json.loads(await socket.receive_text())["credit"]):
                credit.release()
    except WebSocketDisconnect:
        sender.cancel()


app.mount("/", StaticFiles(directory=DIST, html=True))

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
