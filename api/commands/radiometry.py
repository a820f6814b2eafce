"""``radiometry``: any thermal file whose numbers are temperatures → a float32 °C TIFF for other programs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imagery.radiometry import Settings


def register(verbs: Any) -> None:
    """The verb's options."""
    parser = verbs.add_parser("radiometry", help="a thermal file to a float32 °C TIFF")
    parser.add_argument("file", type=Path, metavar="FILE", help="FLIR R-JPEG or FFF, float °C or 16-bit TIFF, PNG")
    parser.add_argument("--kelvin-per-count", type=float, metavar="K", help="the scale of 16-bit counts (TLinear 0.01)")
    parser.add_argument("--kelvin-offset", type=float, default=0.0, metavar="K", help="kelvin at 0 counts (default 0)")
    add_settings(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.tif")


def add_settings(parser: argparse.ArgumentParser) -> None:
    """What the operator may say instead of a radiometric file."""
    group = parser.add_argument_group("instead of what the file says")
    group.add_argument("--emissivity", type=float, metavar="0..1")
    group.add_argument("--distance-m", type=float, metavar="M", help="slant range to what is looked at")
    group.add_argument("--reflected-c", type=float, metavar="C", help="reflected apparent temperature")
    group.add_argument("--air-c", type=float, metavar="C", help="temperature of the air")
    group.add_argument("--humidity", type=float, metavar="PERCENT", help="relative humidity")


def settings_of(args: argparse.Namespace) -> Settings:
    """The options as settings. Raises RadiometryError naming the one that no measurement can have."""
    from imagery.radiometry import KELVIN, Settings

    def kelvin(celsius: float | None) -> float | None:
        return None if celsius is None else celsius + KELVIN

    humidity = None if args.humidity is None else args.humidity / 100.0
    return Settings(args.emissivity, args.distance_m, kelvin(args.reflected_c), kelvin(args.air_c), humidity)


def run(args: argparse.Namespace) -> int:
    """Write the file; one line says what its numbers are."""
    import cv2
    import numpy as np

    from imagery.frame import kelvin_of, saturation_kelvin
    from imagery.radiometry import KELVIN
    from imagery.readers import read

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    if args.kelvin_per_count is not None and not 0.0 < args.kelvin_per_count < 100.0:
        raise ValueError(f"--kelvin-per-count {args.kelvin_per_count}: allowed is above 0 and below 100")
    if args.out.suffix.lower() not in (".tif", ".tiff"):
        raise ValueError(f"--out {args.out}: allowed is a name that ends in .tif or .tiff")
    scale = {"kelvin_per_count": args.kelvin_per_count, "kelvin_offset": args.kelvin_offset}
    reading = read(args.file.read_bytes(), str(args.file), settings=settings_of(args), **scale)
    kelvin = kelvin_of(reading.frame)
    if kelvin is None:
        print(f"einsatzdrohne radiometry: {args.file}: {reading.note}; nothing was written", file=sys.stderr)
        return 1
    celsius = np.asarray(kelvin - np.float32(KELVIN), np.float32)
    done, data = cv2.imencode(".tif", celsius, [cv2.IMWRITE_TIFF_COMPRESSION, 8])
    if not done:
        raise RuntimeError(f"{args.out}: the picture cannot be encoded")
    args.out.write_bytes(data.tobytes())
    known = celsius[np.isfinite(celsius)]
    clipped = saturation_kelvin(reading.frame)
    least = "" if clipped is None or known.max() < clipped - KELVIN else "≥ "
    print(f"{reading.note}: {known.min():.1f} to {least}{known.max():.1f} °C → {args.out}")
    return 0
