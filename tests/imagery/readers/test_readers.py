"""Files of cameras: what is a temperature, what is only a picture, and what is refused."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from imagery.detect import KELVIN
from imagery.frame import FrameKind, kelvin_of, utc_of_name
from imagery.readers import ReadError, read

CELSIUS = (np.arange(64 * 80, dtype=np.float32).reshape(64, 80) / 20.0) - 20.0


def _encoded(ending: str, image: NDArray[Any]) -> bytes:
    done, data = cv2.imencode(ending, image)
    assert done
    return data.tobytes()


TIFF = _encoded(".tiff", CELSIUS)
PNG8 = _encoded(".png", np.full((64, 80), 90, np.uint8))
PNG16 = _encoded(".png", (CELSIUS * 10 + 2931).astype(np.uint16))
JPEG = _encoded(".jpg", np.random.default_rng(1).integers(0, 255, (64, 80, 3)).astype(np.uint8))


def test_a_float_tiff_is_degrees_celsius() -> None:
    reading = read(TIFF, "a.tiff")
    assert reading.frame.kind is FrameKind.KELVIN and reading.frame.name == "a.tiff"
    kelvin = kelvin_of(reading.frame)
    assert kelvin is not None
    assert kelvin == pytest.approx(CELSIUS + KELVIN, abs=1e-3)


def test_counts_are_temperatures_only_when_somebody_knows_their_scale() -> None:
    assert read(PNG16, "a.png").frame.kind is FrameKind.AGC8
    frame = read(PNG16, "a.png", kelvin_per_count=0.1).frame
    kelvin = kelvin_of(frame)
    assert kelvin is not None and float(kelvin[0, 0]) == pytest.approx(273.1, abs=0.1)


@pytest.mark.parametrize("data, name", [(PNG8, "a.png"), (JPEG, "a.jpg")])
def test_a_picture_has_no_temperatures(data: bytes, name: str) -> None:
    reading = read(data, name)
    assert not reading.frame.radiometric and kelvin_of(reading.frame) is None
    assert "no temperatures" in reading.note
    assert read(data, name, band="visible").frame.kind is FrameKind.VISIBLE


@pytest.mark.parametrize("data", [TIFF, PNG8, PNG16, JPEG])
@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.9])
def test_a_truncated_file_is_refused_by_name(data: bytes, share: float) -> None:
    with pytest.raises(ReadError, match=r"^cut\.bin: "):
        read(data[: int(len(data) * share)], "cut.bin")


@pytest.mark.parametrize(
    "data, what",
    [
        (b"", "empty"),
        (b"FFF\1abc", "begins with 46 46 46 01"),
        (PNG8[:16] + struct.pack(">II", 60_000, 60_000) + PNG8[24:], "claims 60000×60000"),
        (_encoded(".tiff", CELSIUS * 1e6), "no degrees Celsius"),
        (_encoded(".tiff", np.full((64, 80), np.nan, np.float32)), "no pixel has a value"),
        (_encoded(".tiff", np.zeros((64, 80, 3), np.float32)), "float32"),
        (_encoded(".png", np.zeros((4, 4), np.uint8)), "claims 4×4"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(data: bytes, what: str) -> None:
    with pytest.raises(ReadError, match=what) as caught:
        read(data, "some.bin")
    assert str(caught.value).startswith("some.bin: ")


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([TIFF, PNG16, JPEG]), st.data())
def test_a_damaged_file_is_read_or_refused_but_never_a_crash(data: bytes, draw: st.DataObject) -> None:
    damaged = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 6))):
        damaged[draw.draw(st.integers(0, min(len(data), 400) - 1))] = draw.draw(st.integers(0, 255))
    try:
        reading = read(bytes(damaged), "damaged")
    except ReadError:
        return
    assert reading.frame.image.ndim in (2, 3)


@pytest.mark.parametrize(
    "stem, utc",
    [
        ("2018080501004480", 1533430844.8),
        ("2018080501004480Z", 1533430844.8),
        ("2018130501004480", None),
        ("img_0001", None),
        ("", None),
    ],
)
def test_the_time_is_in_the_name_or_nowhere(stem: str, utc: float | None) -> None:
    assert utc_of_name(stem) == (utc if utc is None else pytest.approx(utc))


# --- real captures ---------------------------------------------------------------------------------------------------
def test_palette_jpegs_never_get_degrees(testdata: Path) -> None:
    files = [*sorted((testdata / "dji-rjpeg").glob("*.JPG")), *sorted((testdata / "flame3").glob("*.JPG"))]
    assert len(files) == 9
    for file in files:
        reading = read(file.read_bytes(), file.name)
        assert not reading.frame.radiometric, file.name
        assert "no temperatures" in reading.note


def test_the_counts_inside_a_dji_jpeg_are_the_makers_own(testdata: Path) -> None:
    """Up to the factor 4 that some models shift them by; what is shown is their stretch, not the palette."""
    for file in sorted((testdata / "dji-rjpeg").glob("*.JPG")):
        raw = np.load(file.with_suffix(".reference.npz"))["raw"].astype(np.float64)
        grey = read(file.read_bytes(), file.name).frame.image
        expected = (raw - raw.min()) * 255.0 / (raw.max() - raw.min())
        assert grey.shape == raw.shape and np.abs(grey - expected).max() < 2.0, file.name


def test_flame3_floats_are_celsius(testdata: Path) -> None:
    frame = read((testdata / "flame3" / "Wilamette_00001.TIFF").read_bytes(), "w").frame
    kelvin = kelvin_of(frame)
    assert kelvin is not None and float(kelvin.max()) - KELVIN == pytest.approx(500.0, abs=1e-3)
