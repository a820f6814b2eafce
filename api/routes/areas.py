"""Maps and areas: tiles of the thermal map and the coverage, the fire's edge, what to look at again."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from fastapi import APIRouter, HTTPException, Response

from api.area_features import fire_features, relook_features
from api.geojson import iso
from api.map_tiles import NoTile, coverage_tile, empty_png, thermal_tile
from api.routes.reading import answer, collection
from api.situation import Situation
from imagery.thermal_map import LAYERS, ThermalMap


def router(situation: Situation) -> APIRouter:
    """The routes of maps and areas of one situation. Drawing runs in threads: it must not hold up the loop."""
    api = APIRouter()

    @api.get("/tiles/thermal/{z}/{x}/{y}.png")
    def thermal(z: int, x: int, y: int, layer: str = "latest", min_c: float = 0.0, max_c: float = 60.0) -> Response:
        """layer: latest, hottest, mean or age; min_c, max_c: what is black and what is white."""
        if layer not in LAYERS:
            raise HTTPException(404, f"layer {layer!r}; allowed are {', '.join(LAYERS)}")
        if not (math.isfinite(min_c) and math.isfinite(max_c) and min_c < max_c):
            raise HTTPException(422, f"min_c {min_c:g}, max_c {max_c:g}; allowed are two numbers, the lower first")
        now_s = situation.utc_s

        def draw(made: ThermalMap) -> bytes:
            return thermal_tile(made, z, x, y, layer=layer, now_s=now_s, low=min_c, high=max_c)

        try:
            png = situation.mapper.read(draw)
        except NoTile as error:
            raise HTTPException(404, str(error)) from error
        return Response(empty_png() if png is None else png, media_type="image/png")

    @api.get("/tiles/coverage/{z}/{x}/{y}.png")
    def coverage(z: int, x: int, y: int, layer: str = "seen") -> Response:
        """layer: seen, gsd, detection, age or hidden."""
        surroundings = situation.surroundings
        try:
            if surroundings is None:
                return Response(empty_png(), media_type="image/png")
            seen, now_s = situation.picture.coverage, situation.utc_s
            png = coverage_tile(seen, surroundings.frame, z, x, y, layer=layer, now_s=now_s)
        except NoTile as error:
            raise HTTPException(404, str(error)) from error
        return Response(png, media_type="image/png")

    @api.get("/api/v1/map")
    def facts() -> Response:
        """What the thermal map holds: unit, layers, frames, where, how old."""
        known = situation.mapper.read(lambda made: _facts(made, situation.utc_s))
        body = {"mode": situation.mode, "lost": situation.mapper.lost, "map": known}
        return answer(body)

    @api.get("/api/v1/perimeters")
    def perimeters() -> Response:
        """The edges of what has burned: area, length, growth, spread and direction, each with its error."""
        return collection(situation, fire_features(situation.mapper.fire_areas(), situation.mode))

    @api.get("/api/v1/relook")
    async def relook() -> Response:
        """Hotspots that are too small or too far to be trusted, with the height that would settle each."""
        surroundings = situation.surroundings
        if surroundings is None:
            return collection(situation, [])
        confirmed = situation.picture.memory.confirmed
        found = relook_features(confirmed, surroundings.profiles, surroundings.frame, situation.mode)
        return collection(situation, found)

    return api


def _facts(made: ThermalMap, now_s: float) -> dict[str, Any]:
    ages = [float(now_s - made.epoch_s - np.nanmax(t.last_s)) for t in made.tiles.values() if (t.looks > 0).any()]
    return {
        "radiometric": made.radiometric,
        "unit": made.unit_of("latest"),
        "layers": list(LAYERS),
        "crs": made.grid.crs,
        "cell_m": made.grid.cell_m,
        "frames": made.frames,
        "left_out": made.left_out,
        "tiles": len(made.tiles),
        "since": iso(made.epoch_s),
        "age_s": round(min(ages), 1) if ages else None,
        "apart_m": round(made.apart_m, 2),
    }
