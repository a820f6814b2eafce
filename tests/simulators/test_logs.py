"""The vehicle keeps a log from arming to disarming and hands it out over MAVLink and by file."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from pymavlink import DFReader
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.autopilot.boot import SHORT
from simulators.autopilot.core import Autopilot
from simulators.geodesy import Plane

PLANE = Plane(51.45, 6.74, 31.0)
BOOT_UTC_S = 1.7e9


class Bench:
    """A vehicle that has flown twice and landed, heard on two links."""

    def __init__(self) -> None:
        self.vehicle = Autopilot(PLANE, 31.0, seed=1, wind_m_s=0.0, utc_at_boot_s=BOOT_UTC_S, boot=SHORT)
        for link in ("ground", "ground 2"):
            self.vehicle.add_link(link)
        self._parser = mavlink.MAVLink(None)
        self.vehicle.step(13.0)
        self.vehicle.pilot.set_mode(4)

    def fly(self, seconds: float) -> None:
        pilot = self.vehicle.pilot
        pilot.set_mode(4)
        assert pilot.arm(True) == 0 and pilot.takeoff(5.0) == 0
        self.run(seconds)
        pilot.shoot()
        pilot.set_mode(9)
        self.run(20.0)
        assert not pilot.armed

    def run(self, seconds: float, link: str = "ground") -> list[Any]:
        self.vehicle.step(self.vehicle.now_s + seconds)
        return [m for data in self.vehicle.take_outgoing(link) for m in self._parser.parse_buffer(data) or ()]

    def say(self, message: Any, link: str = "ground") -> None:
        self.vehicle.receive(bytes(message.pack(mavlink.MAVLink(None, 255, 190))), link=link)

    def ask(self, message: Any, seconds: float = 1.0) -> list[Any]:
        self.run(0.1)
        self.say(message)
        return [m for m in self.run(seconds) if m.get_type() in ("LOG_ENTRY", "LOG_DATA", "STATUSTEXT")]

    def download(self, number: int, size: int) -> bytes:
        told = self.ask(mavlink.MAVLink_log_request_data_message(1, 1, number, 0, size), seconds=3.0)
        out = bytearray()
        for m in told:
            assert m.get_type() == "LOG_DATA" and m.id == number and m.ofs == len(out)
            out += bytes(m.data[: m.count])
        return bytes(out)


@pytest.fixture(scope="module")
def bench() -> Bench:
    flown = Bench()
    flown.fly(8.0)
    flown.fly(4.0)
    return flown


def test_without_a_flight_there_is_one_empty_entry() -> None:
    entry = Bench().ask(mavlink.MAVLink_log_request_list_message(1, 1, 0, 0xFFFF))
    assert [(m.id, m.num_logs, m.last_log_num, m.size) for m in entry] == [(0, 0, 0, 0)]


def test_every_flight_is_a_log_with_its_size_and_its_end(bench: Bench) -> None:
    entries = bench.ask(mavlink.MAVLink_log_request_list_message(1, 1, 0, 0xFFFF))
    assert [(m.id, m.num_logs, m.last_log_num) for m in entries] == [(1, 2, 2), (2, 2, 2)]
    assert [m.size for m in entries] == [len(data) for _, data in bench.vehicle.blackbox.finished]
    assert 30.0 < entries[0].time_utc - BOOT_UTC_S < 45.0
    only = bench.ask(mavlink.MAVLink_log_request_list_message(1, 1, 2, 2))
    assert [m.id for m in only] == [2]


def test_a_log_comes_whole_over_mavlink_and_is_a_file_as_well(bench: Bench) -> None:
    data = bench.vehicle.blackbox.finished[0][1]
    assert bench.download(1, len(data) + 1000) == data
    assert bench.vehicle.ftp.disk["logs/00000001.BIN"] == data


def test_an_independent_reader_finds_height_attitude_mode_picture_and_text(bench: Bench, tmp_path: Any) -> None:
    path = tmp_path / "1.BIN"
    path.write_bytes(bench.vehicle.blackbox.finished[0][1])
    reader, found = DFReader.DFReader_binary(str(path)), dict[str, list[Any]]()
    while (m := reader.recv_msg()) is not None:
        found.setdefault(m.get_type(), []).append(m)
    heights = [m.RelHomeAlt for m in found["POS"]]
    assert max(heights) == pytest.approx(5.0, abs=0.3) and heights[-1] == pytest.approx(0.0, abs=0.1)
    assert [m.ModeNum for m in found["MODE"]] == [4, 9]
    assert len(found["CAM"]) == 1 and found["CAM"][0].Lat == pytest.approx(51.45, abs=1e-3)
    assert {"Arming motors", "Disarming motors"} <= {m.Message for m in found["MSG"]}
    assert {m.Name: m.Value for m in found["PARM"]}["WPNAV_SPEED"] == 1000
    seconds = (found["ATT"][-1].TimeUS - found["ATT"][0].TimeUS) * 1e-6
    assert len(found["ATT"]) == pytest.approx(seconds * 10, abs=2)
    gps = found["GPS"][0]
    utc_s = 315_964_800 + gps.GWk * 604_800 + gps.GMS * 1e-3 - 18
    assert utc_s == pytest.approx(BOOT_UTC_S + gps.TimeUS * 1e-6, abs=0.01)


def test_a_part_of_it_an_unknown_one_and_one_that_runs(bench: Bench) -> None:
    data = bench.vehicle.blackbox.finished[0][1]
    part = bench.ask(mavlink.MAVLink_log_request_data_message(1, 1, 1, 200, 100))
    assert b"".join(bytes(m.data[: m.count]) for m in part) == data[200:300]
    beyond = bench.ask(mavlink.MAVLink_log_request_data_message(1, 1, 1, len(data) + 5, 100))
    assert [m.count for m in beyond] == [0]
    assert not bench.ask(mavlink.MAVLink_log_request_data_message(1, 1, 9, 0, 100))
    bench.run(0.1)
    bench.say(mavlink.MAVLink_log_request_data_message(1, 1, 1, 0, 2**31))
    bench.say(mavlink.MAVLink_log_request_list_message(1, 1, 0, 9), link="ground 2")
    assert "Log download in progress" in [m.text for m in bench.run(0.1, "ground 2") if m.get_type() == "STATUSTEXT"]
    bench.say(mavlink.MAVLink_log_request_end_message(1, 1))
    bench.run(0.1)
    assert not [m for m in bench.run(1.0) if m.get_type() == "LOG_DATA"]


def test_armed_it_says_so_once_and_erased_they_are_gone() -> None:
    flown = Bench()
    flown.fly(4.0)
    flown.vehicle.pilot.set_mode(4)
    flown.vehicle.pilot.arm(True)
    ask = mavlink.MAVLink_log_request_list_message(1, 1, 0, 9)
    assert [m.text for m in flown.ask(ask) if m.get_type() == "STATUSTEXT"] == ["Disarm for log download"]
    assert not flown.ask(ask)
    flown.vehicle.pilot.disarm()
    flown.run(0.1)
    assert [m.id for m in flown.ask(ask)] == [1, 2]
    flown.ask(mavlink.MAVLink_log_erase_message(1, 1))
    assert [m.num_logs for m in flown.ask(ask)] == [0]


def test_the_head_of_a_log_says_what_its_records_are(bench: Bench) -> None:
    data = bench.vehicle.blackbox.finished[1][1]
    size, at, kinds = 89, 0, {}
    while data[at : at + 3] == b"\xa3\x95\x80":
        _, number, length, name, form, labels = struct.unpack_from("<3sBB4s16s64s", data, at)
        kinds[number] = (name.rstrip(b"\0"), length, form.rstrip(b"\0"), labels.rstrip(b"\0").split(b","))
        at += size
    assert all(len(form) == len(labels) for _, _, form, labels in kinds.values())
    while at < len(data):  # no byte is left over
        assert data[at : at + 2] == b"\xa3\x95"
        at += kinds[data[at + 2]][1]
    assert at == len(data)
