"""Signed frames as ArduPilot takes and drops them; the first wire goes on taking what is not signed."""

from __future__ import annotations

from typing import Any

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.autopilot.boot import SHORT
from simulators.autopilot.core import Autopilot
from simulators.autopilot.signing import MINUTE
from simulators.geodesy import Plane

KEY, OTHER_KEY = bytes(range(32)), bytes(32)
NOW = 350_000_000 * 100_000
FIRST, SECOND = "ground", "ground two"


class Bench:
    """Two wires; frames of ours, signed or not, and whether a question in them was answered."""

    def __init__(self) -> None:
        self.autopilot = Autopilot(
            Plane(51.4344, 6.7623, 33.0), 33.0, seed=1, wind_m_s=0.0, utc_at_boot_s=0.0, boot=SHORT
        )
        for name in (FIRST, SECOND):
            self.autopilot.add_link(name)

    def set_up(self, key: bytes = KEY, time: int = NOW) -> None:
        self.send(mavlink.MAVLink_setup_signing_message(1, 1, list(key), time), FIRST)

    def send(self, message: Any, link: str, sign: tuple[bytes, int] | None = None, link_id: int = 0) -> list[bytes]:
        encoder = mavlink.MAVLink(None, 255, 190)
        if sign is not None:
            encoder.signing.secret_key, encoder.signing.timestamp = sign
            encoder.signing.sign_outgoing, encoder.signing.link_id = True, link_id
        self.autopilot.take_outgoing(link)
        self.autopilot.receive(bytes(message.pack(encoder)), link=link)
        return [*self.autopilot.take_outgoing(link)]

    def heard(self, link: str, time: int | None = None, *, key: bytes = KEY, link_id: int = 0) -> bool:
        sign = None if time is None else (key, time)
        return bool(self.send(mavlink.MAVLink_timesync_message(0, 5), link, sign, link_id))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_nothing_is_signed_before_a_key_is_set(bench: Bench) -> None:
    (answer,) = bench.send(mavlink.MAVLink_timesync_message(0, 5), SECOND)
    assert answer[2] == 0 and bench.heard(SECOND)


def test_a_key_is_not_acknowledged_and_signs_every_wire_with_its_number(bench: Bench) -> None:
    assert bench.send(mavlink.MAVLink_setup_signing_message(1, 1, list(KEY), NOW), FIRST) == []
    for number, name in enumerate((FIRST, SECOND)):
        answer = bench.send(mavlink.MAVLink_timesync_message(0, 5), name, (KEY, NOW + number))[0]
        assert answer[2] & mavlink.MAVLINK_IFLAG_SIGNED and answer[-13] == number
        assert int.from_bytes(answer[-12:-6], "little") >= NOW + MINUTE
        reader = mavlink.MAVLink(None)
        reader.signing.secret_key = KEY
        assert reader.parse_buffer(answer)[0].ts1 == 5


def test_only_the_first_wire_takes_what_is_unsigned_or_wrongly_signed(bench: Bench) -> None:
    bench.set_up()
    assert bench.heard(FIRST) and bench.heard(FIRST, NOW, key=OTHER_KEY)
    assert not bench.heard(SECOND) and not bench.heard(SECOND, NOW, key=OTHER_KEY)
    assert bench.heard(SECOND, NOW)


def test_a_time_must_grow_and_a_new_sender_is_no_minute_late(bench: Bench) -> None:
    bench.set_up()  # its clock: a minute ahead
    assert not bench.heard(SECOND, NOW - 30 * 100_000)
    assert bench.heard(SECOND, NOW)
    assert not bench.heard(SECOND, NOW)  # replayed
    assert not bench.heard(SECOND, NOW - 1)
    assert bench.heard(SECOND, NOW + 1)


def test_a_packet_from_the_future_locks_out_new_senders_but_not_known_ones(bench: Bench) -> None:
    bench.set_up()
    assert bench.heard(SECOND, NOW + 1)
    assert bench.heard(SECOND, NOW + 60 * MINUTE, link_id=1)
    assert not bench.heard(SECOND, NOW + 2, link_id=2)
    assert bench.heard(SECOND, NOW + 2)


def test_a_forged_time_changes_nothing(bench: Bench) -> None:
    bench.set_up()
    assert not bench.heard(SECOND, NOW + 60 * MINUTE, key=OTHER_KEY)
    assert bench.heard(SECOND, NOW)


def test_there_is_room_for_sixteen_senders(bench: Bench) -> None:
    bench.set_up()
    assert [bench.heard(SECOND, NOW + MINUTE, link_id=number) for number in range(17)] == [True] * 16 + [False]


def test_a_key_of_zeros_with_no_time_ends_it(bench: Bench) -> None:
    bench.set_up()
    bench.set_up(bytes(32), NOW)  # with a time it is a key like any other
    assert not bench.heard(SECOND)
    bench.set_up(bytes(32), 0)
    assert bench.heard(SECOND)
    assert bench.send(mavlink.MAVLink_timesync_message(0, 5), SECOND)[0][2] == 0


def test_no_key_is_set_while_it_is_armed(bench: Bench) -> None:
    bench.autopilot.step(30.0)
    bench.autopilot.pilot.armed = True
    bench.set_up()
    assert bench.heard(SECOND)
