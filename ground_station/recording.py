"""The raw telemetry as a ``.tlog``: 8 bytes big-endian microseconds of UTC, then the frame (Mission Planner's form).

A disk that is full must never stop a flight: a record that cannot be written is counted (``not_recorded``), the file
is cut back to its last whole record, and writing is tried again with the next one.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

from ground_station.wire import Parser, Received

_STAMP = struct.Struct(">Q")
# 2000-01-01 to 2100-01-01 in microseconds: what a time stamp of a .tlog can be.
_EARLIEST_US, _LATEST_US = 946_684_800_000_000, 4_102_444_800_000_000
_MAX_FRAME = 280 + 13


class TlogWriter:
    """Appends frames to one file. ``offset`` is its length in bytes: what a journal entry refers to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("ab", buffering=0)
        self.offset = self._file.tell()
        self.written = 0
        self.not_recorded = 0
        self.ok = True

    def write(self, frame: bytes, utc_s: float) -> int:
        """Append one frame; return the offset after it. Never raises for a full disk."""
        record = _STAMP.pack(round(utc_s * 1e6)) + frame
        try:
            done = self._file.write(record)
            if done != len(record):
                raise OSError("short write")
            self.offset += done
            self.written += 1
            self.ok = True
        except OSError:
            self.not_recorded += 1
            self.ok = False
            self._cut_back()
        return self.offset

    def _cut_back(self) -> None:
        try:
            os.ftruncate(self._file.fileno(), self.offset)
        except OSError:
            self.ok = False  # the reader skips a torn record anyway

    def close(self) -> None:
        """Flush to the disk and close."""
        try:
            os.fsync(self._file.fileno())
        except OSError:
            self.ok = False
        self._file.close()


def split_tlog(data: bytes) -> Iterator[tuple[float, bytes]]:
    """The records of a .tlog: (UTC seconds, frame bytes). Torn or foreign bytes are skipped."""
    at = 0
    while at + 8 + 8 <= len(data):
        (stamp,) = _STAMP.unpack_from(data, at)
        length = _frame_length(data, at + 8)
        if not _EARLIEST_US <= stamp <= _LATEST_US or length is None:
            at += 1
            continue
        if at + 8 + length > len(data):
            return
        yield stamp * 1e-6, data[at + 8 : at + 8 + length]
        at += 8 + length


def _frame_length(data: bytes, at: int) -> int | None:
    magic = data[at]
    if magic == 0xFE:
        return data[at + 1] + 8
    if magic == 0xFD:
        return data[at + 1] + 12 + (13 if data[at + 2] & 1 else 0)
    return None


def read_tlog(path: Path) -> Iterator[tuple[float, Received]]:
    """Every checked message of a .tlog with its UTC of arrival, seconds.

    Raises:
        OSError: the file cannot be read.
        ValueError: there is not one MAVLink record in it.
    """
    data = path.read_bytes()
    seen = False
    parser = Parser()
    for utc_s, frame in split_tlog(data):
        for received in parser.feed(frame):
            seen = True
            yield utc_s, received
    if not seen:
        raise ValueError(f"{path}: no MAVLink record found; a .tlog (Mission Planner, QGroundControl) is needed")
