"""Aircraft in the list and out of it, as ArduCopter with ADSB_TYPE 1 kept and told them."""

from __future__ import annotations

from typing import Any

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.autopilot.boot import SHORT
from simulators.autopilot.core import Autopilot
from simulators.autopilot.traffic import Traffic
from simulators.geodesy import Plane

HERE = (51.4344, 6.7623)
VALUES = {"ADSB_TYPE": 1.0, "ADSB_LIST_MAX": 3.0, "ADSB_LIST_RADIUS": 10_000.0}


def aircraft(address: int, north_m: float = 500.0, *, tslc: int = 1, flags: int = 0x1F) -> Any:
    x = round((HERE[0] + north_m / 111_195) * 1e7)
    sent = mavlink.MAVLink_adsb_vehicle_message(
        address, x, round(HERE[1] * 1e7), 1, 100_000, 9_000, 1_000, 0, b"CHX7", 7, tslc, flags, 1200
    )
    return mavlink.MAVLink(None).parse_buffer(sent.pack(mavlink.MAVLink(None, 200, 1)))[0]


def told(traffic: Traffic, now_s: float) -> list[int]:
    """One round."""
    out = []
    while (message := traffic.tell(now_s)) is not None and len(out) < 20:
        out.append(message.ICAO_address)
    return out


def test_they_are_told_in_turn_and_a_round_begins_once_a_second() -> None:
    traffic = Traffic(VALUES)
    assert all(traffic.hear(aircraft(address), HERE, 10.0) for address in (1, 2))
    assert told(traffic, 10.0) == [1, 2]
    assert told(traffic, 10.9) == []
    assert told(traffic, 11.0) == [1, 2]


def test_a_full_list_gives_its_furthest_place_to_one_that_is_nearer() -> None:
    traffic = Traffic(VALUES)
    for address, north_m in ((1, 3_000), (2, 1_000), (3, 2_000), (4, 4_000), (5, 500)):
        traffic.hear(aircraft(address, north_m), HERE, 10.0)
    assert set(told(traffic, 10.0)) == {2, 3, 5}


@pytest.mark.parametrize(
    "out",
    [
        aircraft(1, 10_100.0),
        aircraft(1, tslc=6),
        aircraft(1, flags=0),
    ],
)
def test_one_that_counts_no_more_leaves_the_list(out: Any) -> None:
    traffic = Traffic(VALUES)
    traffic.hear(aircraft(1), HERE, 10.0)
    traffic.hear(out, HERE, 10.1)
    assert told(traffic, 11.5) == []
    assert traffic.hear(aircraft(0x1000000), HERE, 10.0) and told(traffic, 13.0) == []  # 24 bits, no more


def test_who_is_silent_for_five_seconds_is_forgotten() -> None:
    traffic = Traffic(VALUES)
    traffic.hear(aircraft(1, tslc=0), HERE, 10.0)
    assert told(traffic, 15.0) == [1]
    assert told(traffic, 16.1) == []


@pytest.mark.parametrize("kept", [False, True])
def test_what_is_not_kept_is_forwarded_and_what_is_kept_is_told_on_request(kept: bool) -> None:
    autopilot = Autopilot(Plane(*HERE, 33.0), 33.0, seed=1, wind_m_s=0.0, utc_at_boot_s=0.0, boot=SHORT)
    for name in ("ground", "ground two"):
        autopilot.add_link(name)
    autopilot.step(20.0)
    autopilot.parameters.values["ADSB_TYPE"] = float(kept)
    autopilot.take_outgoing("ground two")
    autopilot.receive(bytes(aircraft(7).get_msgbuf()), link="ground")
    assert len(autopilot.take_outgoing("ground two")) == (0 if kept else 1)
    number = mavlink.MAVLINK_MSG_ID_ADSB_VEHICLE
    ask = mavlink.MAVLink_command_long_message(1, 1, mavlink.MAV_CMD_REQUEST_MESSAGE, 0, number, *[0.0] * 6)
    autopilot.receive(bytes(ask.pack(mavlink.MAVLink(None, 255, 190))), link="ground two")
    reader = mavlink.MAVLink(None)
    answers = [m for data in autopilot.take_outgoing("ground two") for m in reader.parse_buffer(data) or ()]
    assert [m.get_type() for m in answers] == ["COMMAND_ACK"] + (["ADSB_VEHICLE"] if kept else [])
    assert answers[0].result == 0 and (not kept or answers[-1].callsign == "CHX7")
