"""Cloud-optimised GeoTIFFs of the thermal map, by GDAL: float32 °C for temperatures, bytes for grey levels.

A picture without calibration never gets a °C: its file has another name, another type and says so in every band.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import rasterio
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile
from rasterio.shutil import copy
from rasterio.transform import from_origin

from imagery.thermal_map import Mosaic, ThermalMap

LAYERS = ("latest", "hottest", "mean")
_WORDS = {
    "latest": "apparent temperature, last look",
    "hottest": "apparent temperature, hottest look",
    "mean": "apparent temperature, mean of all looks",
    "age": "age of the last look",
}


class CogError(RuntimeError):
    """The file could not be written: names it and why."""


def write_thermal(made: ThermalMap, path: Path, *, now_s: float) -> bool:
    """A map → COG with the bands latest, hottest, mean (°C) and age (s); False where nothing was mapped.

    The values of grey levels become bytes under the same names, without a unit and with 0 for "not seen". Raises
    CogError. The file appears whole or not at all.
    """
    layers = [made.mosaic(name, now_s=now_s) for name in (*LAYERS, "age")]
    known = [layer for layer in layers if layer is not None]
    if not known:
        return False
    if not made.radiometric:
        known = known[:-1]
    part = path.with_suffix(".part.tif")
    try:
        part.write_bytes(_cog(known, made))
        os.replace(part, path)
    except (RasterioError, OSError) as problem:
        part.unlink(missing_ok=True)
        raise CogError(f"{path}: cannot be written ({str(problem).splitlines()[0]})") from problem
    return True


def _cog(layers: list[Mosaic], made: ThermalMap) -> bytes:
    first = layers[0]
    rows, columns = first.values.shape
    names = (*LAYERS, "age")[: len(layers)]
    grey = not made.radiometric
    profile = {
        "driver": "GTiff", "width": columns, "height": rows, "count": len(layers), "crs": first.crs,
        "dtype": "uint8" if grey else "float32", "nodata": 0 if grey else np.nan,
        "transform": from_origin(first.x0_m, first.y0_m, first.cell_m, first.cell_m),
        "tiled": True, "blockxsize": 256, "blockysize": 256, "compress": "deflate",
    }  # fmt: skip
    kind = {"KIND": "grey levels, no temperatures" if grey else "apparent temperature", "FRAMES": str(made.frames)}
    with MemoryFile() as plain, MemoryFile() as cog:
        with plain.open(**profile) as target:
            for band, (name, layer) in enumerate(zip(names, layers, strict=True), start=1):
                target.write(_bytes(layer) if grey else layer.values, band)
                target.set_band_description(band, f"{name}, grey level without °C" if grey else _WORDS[name])
                target.set_band_unit(band, "" if grey else {"°C": "degree_Celsius", "s": "s"}[layer.unit])
            target.update_tags(**kind)
        with plain.open() as source:
            copy(source, cog.name, driver="COG", compress="DEFLATE", predictor="YES", overview_resampling="average",
                 blocksize=256)  # fmt: skip
        return bytes(cog.read())


def _bytes(layer: Mosaic) -> np.ndarray:
    values = np.nan_to_num(layer.values, nan=-1.0)
    return np.asarray(np.where(values < 0.0, 0, np.clip(np.round(values), 1, 255)), np.uint8)


def read_thermal(path: Path) -> dict[str, object]:
    """What a thermal map file says of itself: crs, cell_m, bands, units. Raises CogError."""
    try:
        with rasterio.open(path) as source:
            return {
                "crs": str(source.crs), "cell_m": float(source.transform.a), "width": source.width,
                "height": source.height, "bands": list(source.descriptions), "units": list(source.units),
                "dtype": source.dtypes[0], "kind": source.tags().get("KIND", ""),
            }  # fmt: skip
    except (RasterioError, OSError) as problem:
        raise CogError(f"{path}: cannot be read ({str(problem).splitlines()[0]})") from problem
