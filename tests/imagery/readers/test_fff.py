"""FLIR's own data: an independent reader's kelvin, files made here byte by byte, and what is refused."""

from __future__ import annotations

import contextlib
import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from imagery.frame import FrameKind, kelvin_of, saturation_kelvin
from imagery.radiometry import Planck, Settings
from imagery.readers import ReadError, fff, read

COUNTS = (np.arange(48 * 64, dtype=np.uint16).reshape(48, 64) * 2) + 3000
R1, R2, B, F, OFFSET = 17096.453, 0.046582058, 1428.0, 1.0, -267


def made(
    counts: NDArray[np.uint16] = COUNTS, *, order: str = "<", as_png: bool = False, emissivity: float = 1.0
) -> bytes:
    """An FFF with a raw picture and the camera's data, as the format is described."""
    height, width = counts.shape
    raw = bytearray(32)
    struct.pack_into(order + "HHH", raw, 0, 2, width, height)
    if as_png:
        done, data = cv2.imencode(".png", counts.byteswap())
        assert done
        raw += data.tobytes()
    else:
        raw += counts.astype(order + "u2").tobytes()
    camera = bytearray(0x3A0)
    struct.pack_into(order + "H", camera, 0, 2)
    struct.pack_into(order + "8f", camera, 32, emissivity, 0.0, 293.15, 293.15, 293.15, 1.0, 0.0, 0.5)
    struct.pack_into(order + "3f", camera, 88, R1, B, F)
    struct.pack_into(order + "5f", camera, 112, 0.006569, 0.01262, -0.002276, -0.00667, 1.9)
    struct.pack_into(order + "f", camera, 168, 423.15)
    camera[212:222] = b"FLIR Test\0"
    struct.pack_into(order + "if", camera, 776, OFFSET, R2)
    struct.pack_into(order + "H", camera, 786, 65535)
    struct.pack_into(order + "II", camera, 900, 1_700_000_000, 250)
    directory = bytearray(64)
    begin = 64 + len(directory)
    struct.pack_into(">H", directory, 0, 1)
    struct.pack_into(">II", directory, 12, begin, len(raw))
    struct.pack_into(">H", directory, 32, 32)
    struct.pack_into(">II", directory, 44, begin + len(raw), len(camera))
    header = bytearray(64)
    header[:4] = b"FFF\0"
    struct.pack_into(">III", header, 0x14, 100, 64, 2)
    return bytes(header + directory + raw + camera)


def inside_jpeg(data: bytes, *, piece: int = 2500, shuffled: bool = False, without: int | None = None) -> bytes:
    done, jpeg = cv2.imencode(".jpg", np.full((48, 64, 3), 120, np.uint8))
    assert done
    pieces = [data[at : at + piece] for at in range(0, len(data), piece)]
    bodies = [b"FLIR\0\1" + bytes([n, len(pieces) - 1]) + one for n, one in enumerate(pieces) if n != without]
    bodies = bodies[::-1] if shuffled else bodies
    marked = b"".join(b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body for body in bodies)
    return jpeg.tobytes()[:2] + marked + jpeg.tobytes()[2:]


def expected(counts: Any) -> Any:
    return B / np.log(R1 / (R2 * (np.asarray(counts, float) + OFFSET)) + F)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("as_png", [False, True])
def test_counts_and_calibration_make_kelvin(order: str, as_png: bool) -> None:
    reading = read(made(order=order, as_png=as_png), "a.fff")
    kelvin = kelvin_of(reading.frame)
    assert kelvin is not None and kelvin == pytest.approx(expected(COUNTS), abs=1e-3)
    assert reading.frame.kind is FrameKind.KELVIN and "FLIR Test" in reading.note
    assert saturation_kelvin(reading.frame) == pytest.approx(423.15, abs=1e-3)
    assert fff.parse(made(), "a").time_s == pytest.approx(1_700_000_000.25)


@pytest.mark.parametrize("shuffled", [False, True])
def test_pieces_in_a_jpeg_are_joined_by_their_numbers(shuffled: bool) -> None:
    kelvin = kelvin_of(read(inside_jpeg(made(), shuffled=shuffled), "a.jpg").frame)
    assert kelvin is not None and kelvin == pytest.approx(expected(COUNTS), abs=1e-3)


def test_what_the_operator_says_counts_instead() -> None:
    cold = read(made(), "a", settings=Settings(emissivity=0.7, reflected_k=230.0)).frame
    assert float(cold.image.mean()) > float(read(made(), "a").frame.image.mean()) + 5.0


@pytest.mark.parametrize(
    "data, words",
    [
        (inside_jpeg(made(), without=1), "piece 2 of"),
        (made()[:200], "directory|record|truncated"),
        (made()[:-700], "truncated"),
        (b"FFF\0" + bytes(200), "no raw thermal picture"),
        (made()[:0x1C] + struct.pack(">I", 100_000) + made()[0x20:], "directory"),
        (made(np.zeros((4, 4), np.uint16)), "4×4"),
        (made(emissivity=0.0), "emissivity"),
        (made(np.zeros((48, 64), np.uint16)), "not one count"),
    ],
)
def test_broken_data_are_refused_by_name(data: bytes, words: str) -> None:
    with pytest.raises(ReadError, match=words) as caught:
        read(data, "some.bin")
    assert str(caught.value).startswith("some.bin: ")


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_damaged_data_are_read_or_refused_but_never_a_crash(draw: st.DataObject) -> None:
    damaged = bytearray(made(COUNTS[:16, :16].copy()))
    for _ in range(draw.draw(st.integers(1, 8))):
        damaged[draw.draw(st.integers(4, len(damaged) - 1))] = draw.draw(st.integers(0, 255))
    with contextlib.suppress(ReadError):
        assert read(bytes(damaged), "damaged").frame.image.ndim in (2, 3)


def test_planck_and_table_agree() -> None:
    assert Planck(R1, R2, B, F, OFFSET).signal(float(expected(5000.0))) == pytest.approx(5000.0, rel=1e-9)


# --- real captures ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("stem", ["FLIR", "FLIR_AX8"])
def test_kelvin_of_an_independent_reader(testdata: Path, stem: str) -> None:
    frame = read((testdata / "flir" / f"{stem}.jpg").read_bytes(), stem).frame
    with np.load(testdata / "flir" / f"{stem}_flyr_kelvin.npz") as reference:
        assert np.abs(frame.image - reference["kelvin"]).max() < 0.01


@pytest.mark.parametrize("file, low_c, high_c", [("DJI_XT2.jpg", 21.0, 83.0), ("flirpy_frame_000000.fff", 9.0, 13.0)])
def test_real_files_that_it_cannot_read(testdata: Path, file: str, low_c: float, high_c: float) -> None:
    """A hall in the tropics and a British autumn: the range is what such a place can have."""
    frame = read((testdata / "flir" / file).read_bytes(), file).frame
    assert low_c < float(frame.image.min()) - 273.15 < float(frame.image.max()) - 273.15 < high_c
