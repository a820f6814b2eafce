"""ArduPilot's own logs: every letter, what a torn one still gives, and a track out of it like out of telemetry."""

from __future__ import annotations

import math
import random
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ground_station.dataflash import Record, Skipped, as_messages, read_bin, records
from ground_station.vehicle import Vehicle
from missions.geometry.pose import Pose, euler_from_quaternion

HEAD = b"\xa3\x95"
CODES = {"B": "B", "I": "I", "Q": "Q", "f": "f", "L": "i", "c": "h", "C": "H", "Z": "64s", "N": "16s", "n": "4s",
         "b": "b", "h": "h", "i": "i", "e": "i", "E": "I", "M": "B", "H": "H", "d": "d", "q": "q"}  # fmt: skip
WEEK, MS, EPOCH_S = 2_400, 100_000_000, 315_964_800.0 + 2_400 * 604_800.0 + 100_000.0 - 18.0
FORMATS = {
    "FMT": (128, "BBnNZ", "Type,Length,Name,Format,Columns"),
    "ATT": (10, "Qcccc", "TimeUS,DesRoll,Roll,Pitch,Yaw"),
    "POS": (11, "QLLfff", "TimeUS,Lat,Lng,Alt,RelHomeAlt,RelOriginAlt"),
    "GPS": (12, "QBBIHBLLe", "TimeUS,I,Status,GMS,GWk,NSats,Lat,Lng,Alt"),
    "GPA": (13, "QBCC", "TimeUS,I,HAcc,VAcc"),
    "MODE": (14, "QMBB", "TimeUS,Mode,ModeNum,Rsn"),
    "XKF1": (15, "QBfff", "TimeUS,C,VN,VE,VD"),
    "MNT": (16, "QBfff", "TimeUS,I,Roll,Pitch,YawB"),
    "ORGN": (17, "QBLLe", "TimeUS,Type,Lat,Lng,Alt"),
    "MSG": (18, "QZ", "TimeUS,Message"),
}


def _size(letters: str) -> int:
    return struct.calcsize("<" + "".join(CODES[letter] for letter in letters))


def fmt(name: str) -> bytes:
    number, letters, columns = FORMATS[name]
    return HEAD + struct.pack(
        "<BBB4s16s64s", 128, number, 3 + _size(letters), name.encode(), letters.encode(), columns.encode()
    )


def row(name: str, *values: object) -> bytes:
    number, letters, _ = FORMATS[name]
    return HEAD + bytes([number]) + struct.pack("<" + "".join(CODES[letter] for letter in letters), *values)


def flight(seconds: float = 4.0) -> bytes:
    """A copter at 30 m that flies north at 2 m/s with its camera down, nose east."""
    out = b"".join(fmt(name) for name in FORMATS)
    out += row("MSG", 0, b"ArduCopter V4.7.0") + row("MODE", 1_000, 4, 4, 1)
    out += row("ORGN", 2_000, 1, round(51.4344e7), round(6.7623e7), 3_300)
    for tick in range(round(seconds * 20)):
        us = 10_000_000 + tick * 50_000
        out += row("XKF1", us, 0, 2.0, 0.0, 0.0) + row("ATT", us, 0, 100, -200, 9_000)
        lat = 51.4344 + 2.0 * tick * 0.05 / 111_250.0
        out += row("POS", us, round(lat * 1e7), round(6.7623e7), 63.0, 30.0, 30.0)
        out += row("MNT", us, 0, 0.0, -90.0, 0.0)
        if tick % 4 == 0:
            out += row("GPA", us, 0, 80, 120)
            out += row("GPS", us, 0, 3, MS + tick * 50, WEEK, 14, round(lat * 1e7), round(6.7623e7), 6_300)
    return out


def test_every_letter_has_its_unit() -> None:
    found = list(records(flight(0.2)))
    by_name = {record.name: record for record in found}
    assert by_name["ATT"].values["Roll"] == pytest.approx(1.0) and by_name["ATT"].values["Yaw"] == pytest.approx(90.0)
    assert by_name["POS"].values["Lat"] == pytest.approx(51.4344, abs=1e-5)
    assert by_name["MSG"].values["Message"] == "ArduCopter V4.7.0" and by_name["GPS"].values["Alt"] == pytest.approx(63)
    assert by_name["ATT"].boot_s == pytest.approx(10.15)


def test_a_twin_reads_the_same(tmp_path: Path) -> None:
    from pymavlink.DFReader import DFReader_binary

    path = tmp_path / "1.BIN"
    path.write_bytes(flight(1.0))
    theirs, log = [], DFReader_binary(str(path))
    while (message := log.recv_msg()) is not None:
        theirs.append(message)
    ours = list(records(path.read_bytes()))
    theirs = [message for message in theirs if message.get_type() != "FMT"]
    assert [record.name for record in ours] == [message.get_type() for message in theirs]
    for record, message in zip(ours, theirs, strict=True):
        for name, value in record.values.items():
            assert getattr(message, name) == (pytest.approx(value) if isinstance(value, float) else value)


@given(st.integers(0, len(flight(0.2))), st.integers(0, 2**32 - 1))
def test_garbage_and_a_torn_end_cost_only_themselves(cut: int, seed: int) -> None:
    whole = flight(0.2)
    noise = random.Random(seed).randbytes(40).replace(b"\xa3", b"\xa4")
    list(records(whole[:cut] + noise))  # whatever is torn: no exception
    skipped = Skipped()
    assert list(records(noise + whole, skipped=skipped)) == list(records(whole)) and skipped.bytes == len(noise)
    assert len(list(records(whole[:-3]))) == len(list(records(whole))) - 1


def test_a_track_out_of_a_log_answers_like_one_out_of_telemetry(tmp_path: Path) -> None:
    path = tmp_path / "1.BIN"
    path.write_bytes(flight())
    vehicle = Vehicle(1, observe_only=True)
    for utc_s, received in read_bin(path):
        vehicle.receive(received, now_s=utc_s, utc_s=utc_s)
    assert vehicle.state.mode == "GUIDED" and vehicle.state.home is not None
    assert vehicle.clock.offset is not None and vehicle.clock.offset.source == "gnss"
    pose = vehicle.track.pose_at(EPOCH_S + 2.0)
    assert isinstance(pose, Pose)
    assert pose.position.lat_deg == pytest.approx(51.4344 + 4.0 / 111_250.0, abs=1e-7)
    assert pose.height_above_home_m == pytest.approx(30.0)
    assert math.degrees(euler_from_quaternion(pose.ned_from_body)[2]) == pytest.approx(90.0, abs=0.1)
    assert math.degrees(euler_from_quaternion(pose.ned_from_mount)[1]) == pytest.approx(-90.0, abs=0.1)
    assert math.sqrt(pose.position_common_m2[2, 2]) == pytest.approx(1.2)


def test_what_is_no_log_or_has_no_time_says_so(tmp_path: Path) -> None:
    path = tmp_path / "x.BIN"
    path.write_bytes(b"no log at all")
    with pytest.raises(ValueError, match="no DataFlash record"):
        list(read_bin(path))
    path.write_bytes(b"".join(fmt(name) for name in FORMATS) + row("ATT", 1_000, 0, 0, 0, 0))
    with pytest.raises(ValueError, match="never had the time"):
        list(read_bin(path))
    assert list(as_messages([Record("ATT", {"TimeUS": 1})])) == []
