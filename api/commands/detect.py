"""`einsatzdrohne detect FILE …`: what is hot in pictures, one JSON line a file. The thinking is in `imagery`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from imagery.detect import KELVIN, TASKS, Detections, detect, detect_blind, grey_of
from imagery.readers import ReadError, Reading, read
from imagery.readers.decode import stretched
from imagery.sources import pictures_in

_DONE, _BAD_INPUT = 0, 2


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `detect`."""
    parser = subparsers.add_parser("detect", help="what is hot in pictures, one JSON line a file")
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="TIFF, PNG, JPEG, or a folder of them")
    parser.add_argument("--task", choices=tuple(TASKS), default="fire", help="operating point (default fire)")
    parser.add_argument("--masks", type=Path, metavar="DIR", help="write DIR/<stem>.png, 8-bit, 255 = hot")
    parser.add_argument("--blind", action="store_true", help="use only an 8-bit stretch of the frame")
    parser.add_argument("--kelvin-per-count", type=float, help="scale of 16-bit counts; without it they are a picture")
    parser.add_argument("--kelvin-offset", type=float, default=0.0, help="kelvin at 0 counts (default 0)")


def run(args: argparse.Namespace) -> int:
    """0; 2 when any file could not be read (the others are done, each bad one is one line on stderr)."""
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)  # it warns of every private TIFF tag
    if args.kelvin_per_count is not None and not 0.0 < args.kelvin_per_count < 100.0:
        raise ValueError(f"--kelvin-per-count {args.kelvin_per_count}: allowed is above 0 and below 100")
    files = [path for given in args.files for path in (pictures_in(given) if given.is_dir() else [given])]
    if args.masks is not None:
        _require_own_names(files)
        args.masks.mkdir(parents=True, exist_ok=True)
    bad = 0
    for path in files:
        try:
            reading = read(
                path.read_bytes(), str(path), kelvin_per_count=args.kelvin_per_count, kelvin_offset=args.kelvin_offset
            )
        except (ReadError, OSError) as error:
            what = error if isinstance(error, ReadError) else f"{path}: {error.strerror}"
            print(f"einsatzdrohne detect: {what}", file=sys.stderr)
            bad += 1
            continue
        found, mask = _look(reading, args.task, args.blind)
        print(json.dumps(_line(path, reading, found, blind=args.blind), ensure_ascii=False), flush=True)
        if args.masks is not None:
            _write_mask(args.masks / f"{path.stem}.png", mask)
    return _BAD_INPUT if bad else _DONE


def _require_own_names(files: list[Path]) -> None:
    seen: dict[str, Path] = {}
    for path in files:
        if path.stem in seen:
            raise ValueError(f"--masks: {seen[path.stem]} and {path} would both write {path.stem}.png; name one")
        seen[path.stem] = path


def _look(reading: Reading, task: str, blind: bool) -> tuple[Detections, NDArray[np.uint8]]:
    frame = reading.frame
    if not blind:
        return detect(frame, task)
    return detect_blind(stretched(frame.image) if frame.radiometric else grey_of(frame.image), task)


def _line(path: Path, reading: Reading, found: Detections, *, blind: bool) -> dict[str, Any]:
    frame = reading.frame
    return {
        "file": str(path),
        "width": frame.width,
        "height": frame.height,
        "radiometric": found.radiometric,
        "hotspots": [_hotspot(found, i) for i in found],
        "note": "8-bit stretch of the frame: no temperatures" if blind else reading.note,
    }


def _hotspot(found: Detections, i: int) -> dict[str, Any]:
    return {
        "u": round(float(found.u[i]), 2),
        "v": round(float(found.v[i]), 2),
        "peak_c": round(float(found.peak[i]) - KELVIN, 1) if found.radiometric else None,
        "contrast": round(float(found.contrast[i]), 1),
        "area_px": int(found.area_px[i]),
        "bbox": [int(value) for value in found.bbox[i]],
        "peak_is_lower_bound": bool(found.lower_bound[i]) if found.radiometric else None,
        "power_w_m2": round(float(found.power_w_m2[i])) if found.radiometric else None,
    }


def _write_mask(path: Path, mask: NDArray[np.uint8]) -> None:
    done, data = cv2.imencode(".png", mask)
    if not done:
        raise RuntimeError(f"{path}: the mask cannot be encoded")
    path.write_bytes(data.tobytes())
