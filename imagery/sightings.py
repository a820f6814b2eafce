"""Pixels that somebody picked, and places that somebody knows: two small CSV tables.

``frame,u,v[,target][,time]`` and ``target,lat,lon[,alt]``. A bad cell is refused with the file, the line and what is
allowed there; nothing is guessed.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

MAX_ROWS = 100_000


class TableError(ValueError):
    """A table that cannot be used: names file, line, column and what is allowed."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One picked pixel. ``time_s``: UTC of the frame's stamp where the table has it, else None."""

    frame: str
    u: float
    v: float
    target: str
    time_s: float | None
    line: int


@dataclass(frozen=True, slots=True)
class KnownPlace:
    """A target whose place is known: WGS 84 degrees."""

    target: str
    lat_deg: float
    lon_deg: float


def rows(text: str, name: str, needed: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """(line number, cells by lower-case column) of a CSV with a header. Raises TableError."""
    reader = csv.reader(io.StringIO(text.lstrip("\ufeff")))
    try:
        header = [cell.strip().lower() for cell in next(reader, [])]
        for column in needed:
            if column not in header:
                raise TableError(_missing(name, column, needed, header))
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            while len(cells) > len(header) and not cells[-1].strip():
                cells.pop()  # spreadsheets end lines with empty cells
            if len(cells) != len(header):
                raise TableError(f"{name}: line {reader.line_num}: {len(cells)} cells, the header has {len(header)}")
            if reader.line_num > MAX_ROWS:
                raise TableError(f"{name}: more than {MAX_ROWS} lines")
            yield reader.line_num, dict(zip(header, (cell.strip() for cell in cells), strict=True))
    except csv.Error as error:
        raise TableError(f"{name}: line {reader.line_num}: {error}") from error


def _missing(name: str, column: str, needed: tuple[str, ...], header: list[str]) -> str:
    for separator, word in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and separator in header[0]:
            return f"{name}: line 1: cells are separated by {word}; allowed are commas, with a decimal point in numbers"
    return f"{name}: line 1: column {column!r} is missing; needed are {', '.join(needed)}"


def number(cells: dict[str, str], column: str, where: str, low: float, high: float) -> float:
    """A finite number in a range. Raises TableError."""
    try:
        value = float(cells[column])
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise TableError(f"{where}: {column} is {cells[column]!r}; allowed is a number from {low:g} to {high:g}")
    return value


def utc(text: str, where: str) -> float:
    """ISO 8601 → UTC seconds; a time without zone is UTC. Raises TableError."""
    try:
        stamp = datetime.fromisoformat(text)
    except ValueError:
        raise TableError(f"{where}: time {text!r}; allowed is ISO 8601, for example 2026-03-14T21:00:00.25Z") from None
    return (stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)).timestamp()


def parse_sightings(text: str, name: str = "sightings") -> tuple[Sighting, ...]:
    """The sightings table. Raises TableError, also where it holds no row."""
    found = []
    for line, cells in rows(text, name, ("frame", "u", "v")):
        where = f"{name}: line {line}"
        if not cells["frame"]:
            raise TableError(f"{where}: frame is empty")
        time_s = utc(cells["time"], where) if cells.get("time") else None
        u, v = (number(cells, column, where, -1e5, 1e5) for column in ("u", "v"))
        found.append(Sighting(cells["frame"], u, v, cells.get("target", ""), time_s, line))
    if not found:
        raise TableError(f"{name}: no sighting in it")
    return tuple(found)


def parse_known(text: str, name: str = "known") -> tuple[KnownPlace, ...]:
    """The table of known places. Raises TableError."""
    found = []
    for line, cells in rows(text, name, ("target", "lat", "lon")):
        where = f"{name}: line {line}"
        lat, lon = number(cells, "lat", where, -90, 90), number(cells, "lon", where, -180, 180)
        found.append(KnownPlace(cells["target"], lat, lon))
    return tuple(found)
