"""FLIR's sequence (``.seq``): FFF files one after the other, each a picture with its own calibration and time.

Where one ends no header says: the next begins with the same signature and a version that such a file can have. What
is in between belongs to the one before. Sequences whose pictures are JPEG-LS (``.csq``) are refused by the reader of a
single one.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator

from imagery.readers import fff

_HEADER = 64
MOST_BYTES = 60_000_000
"""One picture is never larger; a file that claims so is not of this kind."""


def is_sequence(head: bytes) -> bool:
    """Whether a file begins as one picture of FLIR's does."""
    return _begins(head, 0)


def pieces(data: bytes | mmap.mmap) -> Iterator[tuple[int, int]]:
    """(begin, end) of every picture."""
    begin = 0 if _begins(data[:_HEADER], 0) else _next(data, 1)
    while begin >= 0:
        following = _next(data, begin + _HEADER)
        yield begin, len(data) if following < 0 else following
        begin = following


def _next(data: bytes | mmap.mmap, at: int) -> int:
    while (at := data.find(b"FF\0", at)) >= 0:
        if at > 0 and _begins(data[at - 1 : at + _HEADER], 0):
            return at - 1
        at += 1
    return -1


def _begins(data: bytes, at: int) -> bool:
    if data[at : at + 4] not in fff.SIGNATURES or len(data) < at + _HEADER:
        return False
    return any(100 <= struct.unpack_from(order + "I", data, at + 0x14)[0] < 200 for order in "<>")
