"""``doctor``: what this machine lacks for the real job, each with its remedy."""

from __future__ import annotations

import argparse
import json
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_FREE_GB = 5.0
# The EGM96 undulation in Duisburg, metres: a transformation that returns 0 there has no grid and says nothing.
_PLACE, _UNDULATION_M = (51.45, 6.75), 46.0
_PORTS = ((socket.SOCK_STREAM, 8080, "the page"), (socket.SOCK_DGRAM, 14550, "MAVLink over UDP"))


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. ``level``: ok, warning (the job runs, with less) or error (it does not)."""

    name: str
    level: str
    text: str
    remedy: str = ""


def register(verbs: Any) -> None:
    """The verb's options."""
    parser = verbs.add_parser("doctor", help="what this machine lacks for the real job, each with its remedy")
    parser.add_argument("--data", metavar="DIR", help="where incidents shall live")
    parser.add_argument("--json", action="store_true")


def run(args: argparse.Namespace) -> int:
    """Print the findings; 1 when one of them is an error."""
    from api.settings import data_folder

    findings = list(examine(data_folder(args.data)))
    if args.json:
        print(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False))
    else:
        for finding in findings:
            mark = {"ok": "ok     ", "warning": "WARNING", "error": "ERROR  "}[finding.level]
            print(f"{mark}  {finding.name}: {finding.text}")
            if finding.remedy:
                print(f"         → {finding.remedy}")
    return 1 if any(finding.level == "error" for finding in findings) else 0


def examine(data: Path) -> Iterator[Finding]:
    """Every check in turn; one that breaks is a finding itself."""
    checks: tuple[Callable[[], Finding], ...] = (
        _python, _codec, _geoid, _page, lambda: _disk(data), _clock, *(_port(*port) for port in _PORTS)
    )  # fmt: skip
    for check in checks:
        try:
            yield check()
        except Exception as error:  # a broken library is what this verb is for
            yield Finding(type(error).__name__, "error", str(error).splitlines()[0] if str(error) else "broken",
                          "run make setup again")  # fmt: skip


def _python() -> Finding:
    return Finding("Python", "ok", ".".join(map(str, sys.version_info[:3])))


def _codec() -> Finding:
    import av

    missing = [name for name in ("ffv1", "rawvideo", "h264", "hevc") if not _decodes(av, name)]
    if missing:
        return Finding("video codecs", "error", f"missing: {', '.join(missing)}", "pip install --force-reinstall av")
    return Finding("video codecs", "ok", "lossless thermal (FFV1, raw), H.264, H.265")


def _decodes(av: Any, name: str) -> bool:
    try:
        av.Codec(name, "r")
    except ValueError:
        return False
    return True


def _geoid() -> Finding:
    import pyproj

    # pyproj skips a missing grid without an error, so the number itself is looked at.
    to_sea_level = pyproj.Transformer.from_crs("EPSG:4979", "EPSG:4326+5773", always_xy=True)
    height = to_sea_level.transform(_PLACE[1], _PLACE[0], 100.0)[2]
    if abs((100.0 - height) - _UNDULATION_M) < 3.0:
        return Finding("geoid grid", "ok", "EGM96 is used")
    return Finding(
        "geoid grid", "warning",
        "EGM96 is missing: satellite heights cannot be turned into heights above sea level",
        "apt install proj-data; heights of MAVLink vehicles are above sea level already and need no grid",
    )  # fmt: skip


def _page() -> Finding:
    from api.routes.app import PAGE

    if (PAGE / "index.html").is_file():
        return Finding("page", "ok", "built; the map draws a UTM grid without any base map")
    return Finding("page", "error", "not built", "make setup")


def _disk(data: Path) -> Finding:
    place = next(folder for folder in (data, *data.absolute().parents) if folder.exists())
    try:
        data.mkdir(parents=True, exist_ok=True)
        probe = data / ".doctor"
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        return Finding("disk", "error", f"{data}: {error.strerror}", "give another place with --data")
    free_gb = shutil.disk_usage(place).free / 1e9
    text = f"{free_gb:.0f} GB free in {data}; an hour of one thermal camera takes about 6 GB"
    if free_gb < _FREE_GB:
        return Finding("disk", "warning", text, "make space, or give another place with --data")
    return Finding("disk", "ok", text)


def _clock() -> Finding:
    import time

    if not 2026 <= time.gmtime().tm_year <= 2100:
        return Finding("clock", "error", time.strftime("%Y-%m-%d", time.gmtime()), "set the clock; check its battery")
    synchronised = Path("/run/systemd/timesync/synchronized").exists() or Path("/run/chrony").exists()
    if synchronised:
        return Finding("clock", "ok", "synchronised")
    return Finding(
        "clock", "warning", "nobody is known to set this clock by a time server",
        "apt install chrony; frames are placed by the vehicle's own clock and do not suffer",
    )  # fmt: skip


def _port(kind: socket.SocketKind, port: int, what: str) -> Callable[[], Finding]:
    def check() -> Finding:
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                text, remedy = f"{what}: {error.strerror}", "end what uses it, or take another"
                return Finding(f"port {port}", "warning", text, remedy)
        return Finding(f"port {port}", "ok", f"free for {what}")

    return check
