"""A GeoPackage 1.3 (OGC 12-128r17): hotspots, ellipses, tracks and areas as tables in WGS 84, for any GIS."""

from __future__ import annotations

import json
import sqlite3
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from shapely.geometry import Polygon, mapping, shape
from shapely.geometry.base import BaseGeometry
from shapely.wkb import dumps

from api.exports.gathered import Gathered
from api.exports.geojson import track_features
from api.geojson import iso

_WGS84 = (
    'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],PRIMEM["Greenwich",0],'
    'UNIT["degree",0.0174532925199433],AUTHORITY["EPSG","4326"]]'
)
_SCHEMA = """
PRAGMA application_id = 0x47504B47;
PRAGMA user_version = 10300;
CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER PRIMARY KEY, organization TEXT NOT NULL,
    organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT);
CREATE TABLE gpkg_contents (table_name TEXT PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE,
    description TEXT DEFAULT '', last_change DATETIME NOT NULL, min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE,
    srs_id INTEGER REFERENCES gpkg_spatial_ref_sys(srs_id));
CREATE TABLE gpkg_geometry_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL,
    geometry_type_name TEXT NOT NULL,
    srs_id INTEGER NOT NULL REFERENCES gpkg_spatial_ref_sys(srs_id), z TINYINT NOT NULL, m TINYINT NOT NULL,
    CONSTRAINT pk_geom_cols PRIMARY KEY (table_name, column_name));
"""
_TYPES = {str: "TEXT", int: "INTEGER", float: "REAL", bool: "BOOLEAN"}


def write(incident: Gathered, path: Path) -> None:
    """A new file at ``path``, which must not be there. Raises sqlite3.Error, OSError."""
    store = sqlite3.connect(path)
    try:
        store.executescript(_SCHEMA)
        store.executemany(
            "INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, ?)",
            [
                ("Undefined cartesian SRS", -1, "NONE", -1, "undefined", None),
                ("Undefined geographic SRS", 0, "NONE", 0, "undefined", None),
                ("WGS 84", 4326, "EPSG", 4326, _WGS84, "longitude, latitude"),
            ],
        )
        for name, geometry_type, features in _tables(incident):
            _table(store, name, geometry_type, features, incident)
        store.commit()
    finally:
        store.close()


def _tables(incident: Gathered) -> Iterable[tuple[str, str, list[dict[str, Any]]]]:
    yield "hotspots", "POINT", list(incident.hotspots)
    rings = [
        {
            "geometry": mapping(Polygon(feature["properties"]["ellipse_polygon"])),
            "properties": {"id": feature["id"], "number": feature["properties"]["number"], "mode": incident.mode},
        }
        for feature in incident.hotspots
    ]
    yield "ellipses95", "POLYGON", rings
    yield "tracks", "LINESTRING", track_features(incident)
    yield "areas", "MULTIPOLYGON", [feature for feature in incident.areas if feature["geometry"] is not None]


def _table(
    store: sqlite3.Connection, name: str, geometry_type: str, features: list[dict[str, Any]], incident: Gathered
) -> None:
    rows = [_flat(feature["properties"]) for feature in features]
    columns: dict[str, str] = {}
    for row in rows:
        for key, value in row.items():
            columns[key] = _TYPES.get(type(value), columns.get(key, "TEXT"))
    columns.pop("fid", None)
    told = "".join(f', "{key}" {kind}' for key, kind in columns.items())
    store.execute(f'CREATE TABLE "{name}" (fid INTEGER PRIMARY KEY AUTOINCREMENT, geom {geometry_type}{told})')
    shapes = [shape(feature["geometry"]) for feature in features]
    box = _bounds(shapes)
    what = (name, "features", name, f"{incident.mode_word}: {incident.title}", iso(incident.last_s), *box, 4326)
    store.execute("INSERT INTO gpkg_contents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", what)
    store.execute("INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', ?, 4326, 0, 0)", (name, geometry_type))
    names = "".join(f', "{key}"' for key in columns)
    marks = ", ?" * len(columns)
    store.executemany(
        f'INSERT INTO "{name}" (geom{names}) VALUES (?{marks})',
        [(_blob(one), *(row.get(key) for key in columns)) for one, row in zip(shapes, rows, strict=True)],
    )


def _flat(facts: dict[str, Any]) -> dict[str, Any]:
    """Numbers and words; what has parts becomes columns of its own, lists become JSON."""
    row: dict[str, Any] = {}
    for key, value in facts.items():
        if key == "ellipse_polygon":
            continue
        if isinstance(value, dict):
            row |= {f"{key}_{part}": inner for part, inner in value.items()}
        else:
            row[key] = json.dumps(value) if isinstance(value, (list, tuple)) else value
    return row


def _bounds(shapes: list[BaseGeometry]) -> tuple[float | None, ...]:
    if not shapes:
        return (None,) * 4
    boxes = [one.bounds for one in shapes]
    return tuple(pick(box[i] for box in boxes) for i, pick in enumerate((min, min, max, max)))


def _blob(geometry: BaseGeometry) -> bytes:
    """Section 2.1.3: "GP", version 0, little endian without an envelope, the SRS, then WKB."""
    return b"GP" + struct.pack("<BBi", 0, 1, 4326) + bytes(dumps(geometry, byte_order=1))
