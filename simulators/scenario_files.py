"""Scenarios from files, and the heights that they stand on: the one place of the world that opens them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import rasterio

from missions.geometry.geo import Datum
from missions.geometry.terrain import TerrainGrid
from simulators.scenario import Scenario, ScenarioError, load, parse
from simulators.tables import line_of


def scenario_of(text: str) -> Scenario:
    """A shipped scenario by name, or one from a TOML file by its path, with the elevation file that it names.

    Raises ScenarioError or OSError.
    """
    if not text.endswith(".toml"):
        return load(text)
    file = Path(text)
    try:
        words = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ScenarioError(f"scenario {text}: is no text file") from error
    scenario = parse(words, file.stem)
    if scenario.terrain is None or scenario.terrain.file is None:
        return scenario
    try:
        return replace(scenario, elevation=_elevation(file.parent / scenario.terrain.file))
    except ValueError as error:
        line = line_of(words, "[terrain]", key="file")
        raise ScenarioError(f"scenario {scenario.name!r}: [terrain] file: {error} (line {line})") from error


def _elevation(file: Path) -> TerrainGrid:
    """Heights of a GeoTIFF, read by the world itself. Raises ValueError with what is wrong."""
    try:
        with rasterio.open(file) as source:
            turn = source.transform
            if source.count != 1 or source.crs is None or turn.b or turn.d or turn.a <= 0 or turn.e >= 0:
                raise ValueError(f"{file} must have one band, a coordinate system and north on top")
            heights = np.ma.filled(source.read(1, masked=True).astype(np.float32), np.nan)
            x0, y0 = turn.c + turn.a / 2, turn.f + turn.e / 2
            return TerrainGrid(heights, source.crs.to_wkt(), x0, y0, turn.a, -turn.e, Datum.SEA_LEVEL, 0.5)
    except rasterio.errors.RasterioError as error:
        raise ValueError(f"{file} cannot be read as a GeoTIFF") from error
