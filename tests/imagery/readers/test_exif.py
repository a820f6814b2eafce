"""Metadata of pictures: real ones, ones made here, and bytes that mean harm."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagery.readers.exif import PictureFacts, facts_of
from tests.imagery.readers.pictures import PLAIN, with_parts, xmp


def exif_with_time(zone: str) -> bytes:
    """An Exif part whose camera directory has the local time and, if given, its zone."""
    texts = [(0x9003, b"2026:03:14 22:30:00\0")] + ([(0x9011, zone.encode() + b"\0")] if zone else [])
    head = b"II*\0" + struct.pack("<I", 8) + struct.pack("<HHHII", 1, 0x8769, 4, 1, 26) + bytes(4)
    body, at = struct.pack("<H", len(texts)), 26 + 2 + 12 * len(texts) + 4
    for tag, text in texts:
        body += struct.pack("<HHII", tag, 2, len(text), at)
        at += len(text)
    return b"Exif\0\0" + head + body + bytes(4) + b"".join(text for _, text in texts)


DJI = (
    'drone-dji:GpsLatitude="+51.4344000" drone-dji:GpsLongtitude="6.7623" drone-dji:AbsoluteAltitude="+113.25" '
    'drone-dji:RelativeAltitude=\'+80.10\' drone-dji:GimbalRollDegree="0.00" drone-dji:GimbalYawDegree="-171.30" '
    'drone-dji:GimbalPitchDegree="-89.90" drone-dji:FlightYawDegree="9.1" drone-dji:FlightRollDegree="1" '
    'drone-dji:FlightPitchDegree="2" drone-dji:LRFTargetDistance="81.5" '
    'drone-dji:UTCAtExposure="2026-03-14T21:30:00.250000"'
)


def test_what_a_dji_picture_says() -> None:
    facts = facts_of(with_parts(xmp(DJI)), "a.jpg")
    assert (facts.lat_deg, facts.lon_deg, facts.alt_m, facts.above_home_m) == (51.4344, 6.7623, 113.25, 80.1)
    assert facts.gimbal_deg == (0.0, -89.9, -171.3) and facts.flight_deg == (1.0, 2.0, 9.1)
    assert facts.laser_m == 81.5 and facts.time_s == pytest.approx(1773523800.25)


def test_elements_mean_the_same_as_attributes() -> None:
    body = b"http://ns.adobe.com/xap/1.0/\0<drone-dji:RelativeAltitude>+42.5</drone-dji:RelativeAltitude>"
    assert facts_of(with_parts(body), "a.jpg").above_home_m == 42.5


def test_a_local_time_without_its_zone_is_no_time() -> None:
    assert facts_of(with_parts(exif_with_time("")), "a.jpg").time_s is None
    assert facts_of(with_parts(exif_with_time("+01:00")), "a.jpg").time_s == pytest.approx(1773523800.0)


def test_only_a_fixed_rtk_solution_makes_a_place_precise() -> None:
    sigmas = 'drone-dji:RtkStdLon="0.012" drone-dji:RtkStdLat="0.013" drone-dji:RtkStdHgt="0.03" '
    assert facts_of(with_parts(xmp(sigmas + 'drone-dji:RtkFlag="50"')), "a").rtk_sigma_m == 0.03
    assert facts_of(with_parts(xmp(sigmas + 'drone-dji:RtkFlag="16"')), "a").rtk_sigma_m is None


@pytest.mark.parametrize(
    "data",
    [b"", PLAIN, with_parts(b"Exif\0\0II*\0\xff\xff\xff\xff"), with_parts(xmp('drone-dji:GpsLatitude="nan"')),
     with_parts(xmp('drone-dji:GpsLatitude="0.0" drone-dji:GpsLongitude="0.0"')), PLAIN[:30]],
)  # fmt: skip
def test_what_is_not_told_is_not_known(data: bytes) -> None:
    assert facts_of(data, "a.jpg") == PictureFacts()


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_no_metadata_break_it(exif: bytes, text: bytes) -> None:
    facts_of(with_parts(b"Exif\0\0II*\0" + exif, b"http://ns.adobe.com/xap/1.0/\0" + text), "a.jpg")


def test_a_directory_that_points_at_itself_is_read_once() -> None:
    head = b"II*\0" + struct.pack("<I", 8) + struct.pack("<HHHII", 1, 0x8769, 4, 1, 8) + bytes(4)
    assert facts_of(with_parts(b"Exif\0\0" + head), "a.jpg") == PictureFacts()


def test_real_ones(testdata: Path) -> None:
    xt2 = facts_of((testdata / "flir" / "DJI_XT2.jpg").read_bytes(), "xt2")
    assert xt2.gimbal_deg == pytest.approx((0.0, 0.0, 82.4), abs=0.01) and xt2.above_home_m == 1.9
    assert xt2.lat_deg == pytest.approx(9.97216, abs=1e-4) and xt2.focal_mm == 19.0
    m30t = facts_of((testdata / "dji-rjpeg" / "M30T_0001_R.JPG").read_bytes(), "m30t")
    assert (m30t.model, m30t.focal_mm, m30t.focal_35_mm, m30t.time_s) == ("M30T", 9.1, 40.0, None)
