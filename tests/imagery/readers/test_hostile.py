"""Files made to hurt: each is refused with its reason before anything large is made of it."""

from __future__ import annotations

import resource
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from imagery.readers import ReadError, read
from imagery.readers.exif import PictureFacts, facts_of
from imagery.sources import SequenceFile, SourceError
from tests.imagery.readers.pictures import PLAIN, made, with_parts, xmp


def tiff(*entries: tuple[int, int, int, int], order: str = "<") -> bytes:
    """A directory of (tag, type, count, value) and no pixels."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, len(entries))
    body = b"".join(
        struct.pack(order + "HHI", tag, kind, count)
        + (struct.pack(order + "HH", value, 0) if kind == 3 else struct.pack(order + "I", value))
        for tag, kind, count, value in entries
    )
    return head + body + bytes(4)


def size(width: int, height: int) -> tuple[tuple[int, int, int, int], ...]:
    return (256, 4, 1, width), (257, 4, 1, height)


def png_of(width: int, height: int, *, bits: int = 16, colour: int = 6) -> bytes:
    """A header that claims much, and rows of nothing that are there and compress well."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    rows = zlib.compress(bytes(2_000_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


SCANS = cv2.imencode(".jpg", np.zeros((64, 64, 3), np.uint8))[1].tobytes()
SCAN = SCANS[SCANS.index(b"\xff\xda") : -2]


@pytest.mark.parametrize(
    "data, words",
    [
        (tiff(*size(19_000, 6_000), (258, 3, 1, 64), (277, 3, 1, 4)), "of 32 bytes; allowed are 400 MB"),
        (tiff(*size(640, 512), (256, 4, 1, 19_000)), "tag 256 stands twice"),
        (tiff(*size(640, 512), (322, 4, 1, 1 << 24), (323, 4, 1, 1 << 24)), "a tile: the header claims"),
        (tiff(*size(640, 512), (277, 3, 1, 60_000)), "60000 samples"),
        (tiff(*size(640, 512), order=">")[:30], "inside its first directory"),
        (tiff((256, 4, 1, 640)), "no width and height"),
        (b"II*\0" + struct.pack("<IH", 8, 65_000) + bytes(800_000), "65000 entries"),
        (b"II*\0" + struct.pack("<I", 0xFFFFFFFF), "inside its first directory"),
        (png_of(11_000, 10_000), "of 8 bytes; allowed are 400 MB"),
        (png_of(60_000, 60_000), "claims 60000×60000"),
        (SCANS[: SCANS.index(b"\xff\xda")] + SCAN * 150 + b"\xff\xd9", "149 scans; allowed are 100"),
    ],
)
def test_bombs_are_refused_before_they_are_decoded(data: bytes, words: str) -> None:
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ReadError, match=words):
        read(data, "bomb.bin")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 50_000


def test_metadata_that_lead_in_circles_or_nowhere_say_nothing() -> None:
    circle = b"II*\0" + struct.pack("<IH", 8, 2) + struct.pack("<HHII", 0x8769, 4, 1, 8) * 2
    far = b"II*\0" + struct.pack("<IH", 8, 1) + struct.pack("<HHII", 0x8825, 4, 1, 0xFFFFFFF0)
    huge = b"II*\0" + struct.pack("<IH", 8, 1) + struct.pack("<HHII", 0x010F, 2, 0x7FFFFFFF, 8)
    for exif in (circle, far, huge):
        assert facts_of(with_parts(b"Exif\0\0" + exif), "a").lat_deg is None
    bomb = '<!DOCTYPE x [<!ENTITY a "' + "b" * 9_000 + '">]>' + "drone-dji:GpsLatitude=" * 1_500
    assert facts_of(with_parts(xmp(bomb)), "a") == PictureFacts()
    nan = xmp('drone-dji:GpsLatitude="nan" drone-dji:GpsLongitude="1e999" drone-dji:RelativeAltitude="inf"')
    assert facts_of(with_parts(nan), "a") == PictureFacts()
    assert read(with_parts(nan, jpeg=PLAIN), "a").frame.image.shape[:2] == (16, 16)


def test_a_sequence_is_read_picture_by_picture_and_a_broken_one_is_left_out(tmp_path: Path) -> None:
    counts = [np.full((16, 16), 3_000 + 100 * n, np.uint16) for n in range(4)]
    parts = [made(one) for one in counts]
    parts[1] = parts[1][:-700]
    (tmp_path / "a.seq").write_bytes(b"head" + b"".join(parts) + b"tail")
    source = SequenceFile(tmp_path / "a.seq", 3, "3/100")
    frames = list(source.read())
    assert [frame.seq for frame in frames] == [1, 3, 4] and source.lost == 1 and "truncated" in source.reason
    assert all(frame.clock == "utc" and frame.stamp_s == 1_700_000_000.25 and frame.vehicle == 3 for frame in frames)
    assert float(frames[0].image.mean()) < float(frames[1].image.mean()) < float(frames[2].image.mean())


@pytest.mark.parametrize("data", [b"FFF\0" + bytes(500), b"FFF\0" * 5_000, b"nothing of the kind"])
def test_what_is_no_sequence_is_refused_by_name(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "b.seq").write_bytes(data)
    with pytest.raises(SourceError, match=r"b\.seq: not a sequence"):
        list(SequenceFile(tmp_path / "b.seq", 1, "1/100").read())
