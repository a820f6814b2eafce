"""A STAC 1.1 catalogue: an item for each key picture with its footprint, one for the thermal map.

An item holds the picture and, beside it, what is known of its moment: pose, detections, sigmas (a JSON sidecar). The
files travel with the catalogue: all links are relative.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import rasterio
from rasterio.warp import transform_bounds

from api.exports.gathered import Gathered, KeyFrame
from api.geojson import iso

VERSION = "1.1.0"
_PROJECTION = "https://stac-extensions.github.io/projection/v2.0.0/schema.json"
_VIEW = "https://stac-extensions.github.io/view/v1.0.0/schema.json"
_PARENTS = [
    {"rel": "root", "href": "../catalog.json", "type": "application/json"},
    {"rel": "parent", "href": "../catalog.json", "type": "application/json"},
]

Files = dict[str, str | Path]


def files(incident: Gathered) -> Files:
    """Name in the catalogue → its text, or the file that is to be copied there."""
    found: Files = {}
    items = []
    for picture in incident.pictures:
        name = re.sub(r"[^A-Za-z0-9.-]+", "_", picture.path.stem)
        items.append(name)
        item = _picture_item(incident, picture, name)
        found[f"items/{name}.json"] = _text(item)
        found[f"items/{name}.telemetry.json"] = _text(picture.observation.to_json() | {"mode": incident.mode})
        found[f"items/{name}{picture.path.suffix}"] = picture.path
    map_ = incident.folder / "thermal.tif"
    if map_.is_file():
        items.append("thermal-map")
        found["items/thermal-map.json"] = _text(_map_item(incident, map_))
        found["items/thermal-map.tif"] = map_
    links = [{"rel": "root", "href": "./catalog.json", "type": "application/json"}]
    links += [{"rel": "item", "href": f"./items/{name}.json", "type": "application/geo+json"} for name in items]
    catalog = {
        "type": "Catalog", "stac_version": VERSION, "id": f"einsatz-{incident.started_s:.0f}",
        "title": f"{incident.mode_word}: {incident.title}",
        "description": f"{incident.mode_word}. {len(incident.hotspots)} Wärmequellen in {incident.frames} Bildern.",
        "mode": incident.mode, "links": links,
    }  # fmt: skip
    return {"catalog.json": _text(catalog), **found}


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _item(name: str, geometry: dict[str, Any], box: list[float], facts: dict[str, Any], assets: Any) -> dict[str, Any]:
    extensions = [_VIEW] if "view:off_nadir" in facts else [_PROJECTION]
    return {
        "type": "Feature", "stac_version": VERSION, "stac_extensions": extensions, "id": name, "geometry": geometry,
        "bbox": box, "properties": facts, "links": _PARENTS, "assets": assets,
    }  # fmt: skip


def _picture_item(incident: Gathered, picture: KeyFrame, name: str) -> dict[str, Any]:
    observation = picture.observation
    lons, lats = zip(*picture.ring, strict=True)
    off_nadir, azimuth = picture.looking_deg
    facts: dict[str, Any] = {
        "datetime": iso(observation.time_s), "mode": incident.mode, "view:off_nadir": round(off_nadir, 2),
        "view:azimuth": round(azimuth, 2), "vehicle": observation.vehicle, "camera": observation.camera,
        "detections": len(observation.detections), "camera_place": list(picture.place),
    }  # fmt: skip
    assets = {
        "preview": {"href": f"./{name}{picture.path.suffix}", "type": "image/jpeg", "roles": ["visual", "overview"]},
        "telemetry": {"href": f"./{name}.telemetry.json", "type": "application/json", "roles": ["metadata"]},
    }
    box = [min(lons), min(lats), max(lons), max(lats)]
    return _item(name, {"type": "Polygon", "coordinates": [picture.ring]}, box, facts, assets)


def _map_item(incident: Gathered, path: Path) -> dict[str, Any]:
    with rasterio.open(path) as source:
        west, south, east, north = transform_bounds(source.crs, "EPSG:4326", *source.bounds)
        facts = {
            "datetime": iso(incident.last_s), "start_datetime": iso(incident.started_s),
            "end_datetime": iso(incident.last_s), "mode": incident.mode,
            "proj:code": f"EPSG:{source.crs.to_epsg()}", "proj:shape": [source.height, source.width],
            "proj:transform": list(source.transform)[:6],
        }  # fmt: skip
        bands = [
            {"name": name, "unit": unit, "data_type": kind, "nodata": "nan"}
            for name, unit, kind in zip(source.descriptions, source.units, source.dtypes, strict=True)
        ]
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    kind = "image/tiff; application=geotiff; profile=cloud-optimized"
    assets = {"map": {"href": "./thermal-map.tif", "type": kind, "roles": ["data"], "bands": bands}}
    return _item("thermal-map", {"type": "Polygon", "coordinates": [ring]}, [west, south, east, north], facts, assets)
