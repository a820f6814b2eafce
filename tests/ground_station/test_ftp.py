"""Files, folders and all parameters over MAVLink FTP, through a radio that loses."""

from __future__ import annotations

import random

import pytest

from ground_station.ftp import Entry, FileRead, FolderList
from ground_station.parameter_list import ParameterList
from ground_station.wire import Received


def _file(rig, size: int, path: str = "logs/00000001.BIN") -> bytes:  # type: ignore[no-untyped-def]
    content = random.Random(size).randbytes(size)
    rig.autopilot.ftp.disk[path] = content
    rig.autopilot.ftp.folders.add("logs")
    return content


@pytest.mark.parametrize("size", [0, 1, 239, 478, 5_000])
def test_a_file_comes_whole_whatever_its_length(rig, size: int) -> None:  # type: ignore[no-untyped-def]
    content = _file(rig, size)
    read = FileRead(1, "logs/00000001.BIN", now_s=rig.vehicle.state.heartbeat_at_s or 0.0)
    assert rig.finish(rig.vehicle.start(read)).good
    assert read.content == content


@pytest.mark.parametrize("seed", range(16))
def test_a_file_comes_whole_through_thirty_percent_loss(make_rig, seed: int) -> None:  # type: ignore[no-untyped-def]
    rig = make_rig(seed=seed, loss=0.3)
    content = _file(rig, 12_345)
    vehicle = rig.vehicle
    read = FileRead(1, "logs/00000001.BIN", now_s=rig.now_s)
    assert rig.finish(vehicle.start(read)).good
    assert read.content == content


def test_what_an_earlier_try_has_left_is_not_read_again(rig) -> None:  # type: ignore[no-untyped-def]
    content = _file(rig, 20_000)
    vehicle = rig.vehicle
    asked: list[int] = []

    def keep(received: Received) -> bool:
        if received.name == "FILE_TRANSFER_PROTOCOL":
            asked.append(int.from_bytes(bytes(received.message.payload)[8:12], "little"))
        return True

    rig.up = keep
    read = FileRead(1, "logs/00000001.BIN", now_s=rig.now_s, have=content[:15_000])
    assert rig.finish(vehicle.start(read)).good and read.content == content
    assert all(offset == 0 or offset >= 14_500 for offset in asked)


def test_a_file_that_somebody_left_open_is_closed_first(rig) -> None:  # type: ignore[no-untyped-def]
    content = _file(rig, 800)
    vehicle = rig.vehicle
    first = FileRead(1, "logs/00000001.BIN", now_s=rig.now_s)
    vehicle.start(first)
    rig.run(0.1)
    first.cancel("left open", now_s=rig.now_s)
    rig.run(0.1)
    second = FileRead(1, "logs/00000001.BIN", now_s=rig.now_s)
    assert rig.finish(vehicle.start(second)).good and second.content == content


def test_a_file_that_is_not_there_is_refused_and_a_silent_vehicle_is_unknown(rig) -> None:  # type: ignore[no-untyped-def]
    vehicle = rig.vehicle
    outcome = rig.finish(vehicle.start(FileRead(1, "logs/none.BIN", now_s=rig.now_s)))
    assert outcome.outcome == "refused" and "no such file" in outcome.reason
    rig.up = lambda received: received.name != "FILE_TRANSFER_PROTOCOL"
    assert rig.finish(vehicle.start(FileRead(1, "x", now_s=rig.now_s)), 20.0).outcome == "unknown"
    with pytest.raises(ValueError, match="1 to 239"):
        FileRead(1, "", now_s=0.0)


def test_a_folder_is_listed_over_several_answers(rig) -> None:  # type: ignore[no-untyped-def]
    for number in range(40):
        rig.autopilot.ftp.disk[f"logs/{number:08}.BIN"] = bytes(number)
    rig.autopilot.ftp.folders |= {"logs", "logs/old"}
    listing = FolderList(1, "logs", now_s=rig.now_s)
    assert rig.finish(rig.vehicle.start(listing)).good
    assert Entry("00000007.BIN", 7) in listing.entries and Entry("old", None) in listing.entries
    assert len([entry for entry in listing.entries if entry.name.endswith(".BIN")]) == 40


@pytest.mark.parametrize("loss", [0.0, 0.3])
def test_all_parameters_come_as_one_file(make_rig, loss: float) -> None:  # type: ignore[no-untyped-def]
    rig = make_rig(seed=2, loss=loss)
    listing = ParameterList(1, now_s=rig.now_s)
    vehicle = rig.vehicle
    assert rig.finish(vehicle.start(listing)).good
    assert listing.source == "file" and listing.values == pytest.approx(rig.autopilot.parameters.values, rel=1e-6)


@pytest.mark.parametrize("loss", [0.0, 0.3])
def test_without_ftp_they_come_one_by_one_and_none_is_missing(make_rig, loss: float) -> None:  # type: ignore[no-untyped-def]
    rig = make_rig(seed=3, loss=loss)
    rig.up = lambda received: received.name != "FILE_TRANSFER_PROTOCOL"
    vehicle = rig.vehicle
    # What the vehicle counts itself may change while it is listed, and the word of it may be lost: home is there first.
    rig.until(lambda: rig.autopilot.parameters.values["MIS_TOTAL"] == 1.0, 60.0)
    listing = ParameterList(1, now_s=rig.now_s)
    assert rig.finish(vehicle.start(listing)).good
    assert listing.source == "list" and listing.values == pytest.approx(rig.autopilot.parameters.values, rel=1e-6)


def test_a_list_that_stops_says_how_much_is_missing(rig) -> None:  # type: ignore[no-untyped-def]
    vehicle = rig.vehicle
    rig.down = lambda received: received.name != "PARAM_VALUE" or received.message.param_index < 20
    listing = ParameterList(1, now_s=rig.now_s, ftp=False)
    outcome = rig.finish(vehicle.start(listing), 120.0)
    assert outcome.outcome == "unknown" and f"of {len(rig.autopilot.parameters.values)} parameters" in outcome.reason
