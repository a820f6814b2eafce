"""FLIR's own data: an independent reader's kelvin, files made here byte by byte, and what is refused."""

from __future__ import annotations

import contextlib
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagery.frame import FrameKind, kelvin_of, saturation_kelvin
from imagery.radiometry import Planck, Settings
from imagery.readers import ReadError, fff, read
from tests.imagery.readers.pictures import COUNTS, OFFSET, R1, R2, B, F, inside_jpeg, made


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
