"""What comes over a wire that we did not order: an old vehicle, a foreign one, single bytes, half a log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pymavlink.dialects.v10 import ardupilotmega as old

from ground_station.download import FENCE, MISSION
from ground_station.link import open_link
from ground_station.pump import Pump
from ground_station.recording import TlogWriter
from ground_station.station import Station
from ground_station.wire import Encoder, Parser, encode_mavlink1, mavlink


def _into(dialect: Any, message: Any) -> Any:
    """The same message in the other dialect, without what that one does not know; None where it has none."""
    kind = getattr(dialect, f"MAVLink_{message.get_type().lower()}_message", None)
    if kind is None:
        return None
    values = [getattr(message, name) for name in kind.fieldnames if hasattr(message, name)]
    texts = [value.encode() if isinstance(value, str) else value for value in values]
    return kind(*texts)


class OldAir:
    """A vehicle that neither says nor understands anything but MAVLink 1, by pymavlink's own dialect of that time."""

    def __init__(self, rig: Any) -> None:
        self.rig, self.not_understood = rig, 0
        self._says, self._hears = old.MAVLink(None, 1, 1), old.MAVLink(None)
        self._hears.robust_parsing = True
        self._new, self._passes_on = Parser(), mavlink.MAVLink(None, 255, 190)

    def step(self) -> None:
        rig = self.rig
        rig.now_s = round(rig.now_s + 0.02, 6)
        rig.autopilot.step(rig.now_s)
        for data in rig.autopilot.take_outgoing("ground"):
            for received in self._new.feed(data):
                message = _into(old, received.message)
                if message is not None:
                    frame = bytes(message.pack(self._says))
                    rig.station.receive(frame, link="memory", now_s=rig.now_s, utc_s=1.77e9 + rig.now_s)
        rig.station.tick(now_s=rig.now_s)
        for outgoing in rig.station.take_outgoing(now_s=rig.now_s):
            for message in self._hears.parse_buffer(outgoing.data) or ():
                if message.get_type() == "BAD_DATA":
                    self.not_understood += 1
                    continue
                rig.sent.append((rig.now_s, message))
                rig.autopilot.receive(bytes(_into(mavlink, message).pack(self._passes_on)), link="ground")


def test_a_vehicle_that_knows_mavlink_1_only_is_flown_in_it(make_rig: Any, make_mission: Any) -> None:
    rig = make_rig()
    air = OldAir(rig)
    rig.step = air.step
    vehicle = rig.vehicle
    rig.until(lambda: vehicle.state.position_ready, 60.0)
    assert vehicle.mavlink1
    before = air.not_understood  # what was said to it before it was known
    assert rig.finish(vehicle.set_mode("GUIDED", now_s=rig.now_s)).outcome == "done"
    mission = make_mission(5)
    assert rig.finish(vehicle.upload(mission, now_s=rig.now_s)).outcome == "verified"
    assert len(rig.autopilot.transfers.lists[MISSION]) == len(mission.items)
    assert rig.finish(vehicle.arm(now_s=rig.now_s)).outcome == "done"
    assert rig.finish(vehicle.start_mission(mission.items, now_s=rig.now_s)).outcome == "done"
    assert air.not_understood == before


def test_to_such_a_vehicle_no_fence_is_sent_that_would_overwrite_its_mission(make_rig: Any, make_mission: Any) -> None:
    rig = make_rig()
    rig.step = OldAir(rig).step
    vehicle = rig.vehicle
    rig.until(lambda: vehicle.mavlink1, 10.0)
    assert rig.finish(vehicle.upload(make_mission(5), now_s=rig.now_s)).good
    sent = len(rig.sent_of("MISSION_COUNT"))
    for refused in (vehicle.clear(FENCE, now_s=rig.now_s), vehicle.download(FENCE, now_s=rig.now_s)):
        assert refused.outcome is not None and "MAVLink 1 only" in refused.outcome.reason
    rig.run(3.0)
    assert len(rig.sent_of("MISSION_COUNT")) == sent and rig.autopilot.transfers.lists[MISSION]
    fence = mavlink.MAVLink_mission_count_message(1, 1, 4, mavlink.MAV_MISSION_TYPE_FENCE)
    assert encode_mavlink1(Encoder(255, 190), fence) is None


def test_a_vehicle_that_only_begins_in_mavlink_1_is_spoken_to_in_2(make_rig: Any) -> None:
    rig = make_rig()
    rig.run(2.0)
    beat = old.MAVLink_heartbeat_message(2, 3, 81, 0, 3, 3).pack(old.MAVLink(None, 1, 1))
    for _ in range(100):
        rig.step()
        rig.station.receive(beat, link="memory", now_s=rig.now_s)
    assert not rig.vehicle.mavlink1


@pytest.mark.parametrize("autopilot", [mavlink.MAV_AUTOPILOT_PX4, mavlink.MAV_AUTOPILOT_ASLUAV])
def test_a_foreign_autopilot_is_shown_and_never_commanded(autopilot: int) -> None:
    station, encoder = Station(), Encoder(9, 1)
    beat = mavlink.MAVLink_heartbeat_message(2, autopilot, 209, 6 << 16, 4, 3)
    station.receive(encoder.encode(beat), link="l", now_s=1.0)
    vehicle = station.vehicles[9]
    assert vehicle.state.armed and vehicle.state.mode == f"MODE {6 << 16}"  # and not ours of that number
    station.take_outgoing(now_s=1.0)
    for operation in (vehicle.rtl(now_s=1.0), vehicle.arm(now_s=1.0), vehicle.set_mode("LAND", now_s=1.0)):
        assert operation.outcome is not None and operation.outcome.outcome == "refused"
        assert f"no ArduPilot (MAV_AUTOPILOT {autopilot})" in operation.outcome.reason
    sent = b"".join(out.data for out in station.take_outgoing(now_s=1.1))
    assert not any(
        received.name == "COMMAND_LONG" and received.message.command != 511 for received in Parser().feed(sent)
    )


def test_a_foreign_dialects_frames_are_counted_and_hide_nothing() -> None:
    station, ours = Station(), Encoder(1, 1)
    beat = ours.encode(mavlink.MAVLink_heartbeat_message(2, 3, 0, 0, 3, 3))
    unknown = bytes.fromhex("fd04000005010161ea0001020304aabb")  # 60,001: none of ours, unchecked
    other = bytearray(beat)  # a message of our number with another definition has another checksum
    other[-1] ^= 0x5A
    station.receive(unknown + beat + bytes(other) + beat, link="l", datagram=False, now_s=1.0)
    counted = station.counters["l"]
    assert (counted.good, counted.unknown, counted.garbage) == (2, 1, 1) and list(station.vehicles) == [1]


def test_single_bytes_make_the_same_vehicle(make_rig: Any) -> None:
    whole, single = Station(), Station()
    rig = make_rig()
    rig.vehicle
    for _ in range(150):
        rig.now_s = round(rig.now_s + 0.02, 6)
        rig.autopilot.step(rig.now_s)
        for data in rig.autopilot.take_outgoing("ground"):
            whole.receive(data, link="l", datagram=False, now_s=rig.now_s)
            for at in range(len(data)):
                single.receive(data[at : at + 1], link="l", datagram=False, now_s=rig.now_s)
    assert whole.vehicles[1].state == single.vehicles[1].state
    assert single.counters["l"] == whole.counters["l"] and whole.counters["l"].good > 100


async def test_a_log_that_ends_in_the_middle_of_a_message_is_played_to_its_last_whole_one(tmp_path: Path) -> None:
    path, encoder = tmp_path / "torn.tlog", Encoder(1, 1)
    writer = TlogWriter(path)
    for step in range(20):
        writer.write(encoder.encode(mavlink.MAVLink_heartbeat_message(2, 3, 0, step, 3, 3)), 1.77e9 + 0.001 * step)
    writer.close()
    path.write_bytes(path.read_bytes()[:-9])
    station, link = Station(beats=False), open_link(f"log:{path}")
    await link.open()
    await Pump(station, [link]).run()  # ends by itself
    assert station.vehicles[1].state.custom_mode == 18
    await link.close()
