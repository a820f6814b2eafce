"""``export``: an incident folder for everybody else, in the format that they read."""

from __future__ import annotations

import argparse
import os
import shutil
import sqlite3
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from api.exports.gathered import Gathered

FORMATS = ("geojson", "kml", "gpkg", "cot", "stac", "cog", "pdf")


def register(verbs: Any) -> None:
    """The verb's options."""
    parser = verbs.add_parser("export", help="an incident folder as GeoJSON, KML, GeoPackage, CoT, STAC, COG or PDF")
    parser.add_argument("folder", type=Path, metavar="DIR", help="an incident folder, of serve, demo or replay")
    parser.add_argument("--format", required=True, choices=FORMATS)
    parser.add_argument("--out", type=Path, required=True, metavar="PATH", help="a file; for stac a new folder")
    parser.add_argument("--quiet", action="store_true")


def run(args: argparse.Namespace) -> int:
    """Write it; one line says what is in it."""
    from api.store.incident import read_facts

    if not args.out.parent.is_dir():
        raise ValueError(f"--out {args.out}: there is no folder {args.out.parent}")
    if args.format != "stac" and args.out.is_dir():
        raise ValueError(f"--out {args.out}: is a folder; allowed is the name of a file")
    if args.format == "cog":
        read_facts(args.folder)
        told = _copy_map(args.folder, args.out)
    else:
        from api.exports.gathered import gather

        incident = gather(args.folder)
        _FORMATS[args.format](incident, args.out)
        told = f"{incident.mode_word}: {len(incident.hotspots)} Wärmequellen, {incident.frames} Bilder"
    if not args.quiet:
        print(f"{told} → {args.out}")
    return 0


def _copy_map(folder: Path, out: Path) -> str:
    """The thermal map as it is: a COG in EPSG:25832. Grey levels go under their own name only."""
    source = folder / "thermal.tif"
    if not source.is_file():
        grey = (folder / "grey.tif").is_file()
        why = "its camera had no temperatures, see grey.tif" if grey else "its run did not end in order, or saw nothing"
        raise RuntimeError(f"{source}: missing ({why}); `replay {folder}` makes the map again from its video")
    _put(out, source.read_bytes())
    return "Wärmekarte (COG)"


def _put(out: Path, data: bytes) -> None:
    """Whole or not at all."""
    part = out.with_name(out.name + ".part")
    try:
        part.write_bytes(data)
        os.replace(part, out)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _text(module: str, incident: Gathered, out: Path) -> None:
    import importlib

    _put(out, importlib.import_module(f"api.exports.{module}").document(incident).encode("utf-8"))


def _gpkg(incident: Gathered, out: Path) -> None:
    from api.exports.gpkg import write

    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".export-") as near:
        made = Path(near) / "made.gpkg"
        try:
            write(incident, made)
        except sqlite3.Error as error:
            raise RuntimeError(f"{out}: cannot be written ({error})") from error
        os.replace(made, out)


def _stac(incident: Gathered, out: Path) -> None:
    from api.exports.stac import files

    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"--out {out}: is there already; allowed is a new folder, or an empty one")
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".export-") as near:
        made = Path(near) / "catalogue"
        for name, content in files(incident).items():
            place = made / name
            place.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Path):
                shutil.copyfile(content, place)
            else:
                place.write_text(content, "utf-8")
        if out.is_dir():
            out.rmdir()
        os.replace(made, out)


def _pdf(incident: Gathered, out: Path) -> None:
    from api.exports.sheet import sheet

    _put(out, sheet(incident))


_FORMATS = {
    "geojson": lambda incident, out: _text("geojson", incident, out),
    "kml": lambda incident, out: _text("kml", incident, out),
    "cot": lambda incident, out: _text("cot", incident, out),
    "gpkg": _gpkg,
    "stac": _stac,
    "pdf": _pdf,
}
