"""GUIDED takes targets as ArduCopter does: places, velocities, headings, each until another order or a time-out."""

from __future__ import annotations

import math
from typing import Any

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.autopilot.boot import SHORT
from simulators.autopilot.core import Autopilot
from simulators.geodesy import Plane

PLANE = Plane(51.45, 6.74, 31.0)
GUIDED, BRAKE, LOITER = 4, 17, 5
PLACE, VELOCITY, PUSH = 0b110111111000, 0b110111000111, 0b110000111111
BOTH, NOTHING = 0b110111000000, 0xFFFF


class Bench:
    """A vehicle that hovers 20 m over home, the nose to the north."""

    def __init__(self) -> None:
        self.vehicle = Autopilot(PLANE, 31.0, seed=1, wind_m_s=0.0, utc_at_boot_s=1.7e9, boot=SHORT)
        self.vehicle.add_link("ground")
        self.pilot, self.flight = self.vehicle.pilot, self.vehicle.pilot.flight
        self.vehicle.step(13.0)
        self.flight.yaw = self.flight.target_yaw = 0.0
        assert self.pilot.set_mode(GUIDED) == 0 and self.pilot.arm(True) == 0 and self.pilot.takeoff(20.0) == 0
        self.run(16.0)

    def run(self, seconds: float) -> None:
        self.vehicle.step(self.vehicle.now_s + seconds)

    def say(self, message: Any) -> None:
        self.vehicle.receive(bytes(message.pack(mavlink.MAVLink(None, 255, 190))), link="ground")

    def target(self, mask: int, frame: int = 1, **fields: float) -> None:
        names = ("x", "y", "z", "vx", "vy", "vz", "afx", "afy", "afz", "yaw", "yaw_rate")
        values = [fields.get(name, 0.0) for name in names]
        self.say(mavlink.MAVLink_set_position_target_local_ned_message(0, 1, 1, frame, mask, *values))

    @property
    def place(self) -> tuple[float, float, float]:
        """North, east, up of home."""
        east, north, up = (float(v) for v in self.flight.enu - self.pilot.home)
        return north, east, up

    @property
    def heading(self) -> float:
        return math.degrees(self.flight.yaw) % 360


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize(
    ("frame", "expected"),
    [(1, (10.0, 5.0, 22.0)), (7, (10.0, 5.0, 42.0)), (8, (-5.0, 10.0, 42.0)), (9, (-5.0, 10.0, 42.0))],
)
def test_a_place_is_north_east_down_of_home_of_here_or_of_the_nose(
    bench: Bench, frame: int, expected: tuple[float, float, float]
) -> None:
    bench.flight.yaw = bench.flight.target_yaw = math.pi / 2
    bench.target(PLACE, frame, x=10, y=5, z=-22)
    bench.run(20.0)
    assert bench.place == pytest.approx(expected, abs=0.5)


@pytest.mark.parametrize(
    ("frame", "alt_m", "up_m"), [(0, 60.0, 29.0), (5, 60.0, 29.0), (3, 25.0, 25.0), (6, 25.0, 25.0)]
)
def test_a_place_by_latitude_and_longitude(bench: Bench, frame: int, alt_m: float, up_m: float) -> None:
    lat, lon, _ = PLANE.geo([12.0, 24.0, 0.0])  # type: ignore[arg-type]
    place = round(lat * 1e7), round(lon * 1e7), alt_m
    say = mavlink.MAVLink_set_position_target_global_int_message(0, 1, 1, frame, PLACE, *place, *[0.0] * 8)
    bench.say(say)
    bench.run(20.0)
    assert bench.place == pytest.approx((24.0, 12.0, up_m), abs=0.5)


def test_a_velocity_ends_after_three_seconds_without_another(bench: Bench) -> None:
    bench.target(VELOCITY, vx=3.0, vz=-0.5)
    bench.run(2.9)
    assert bench.flight.velocity == pytest.approx([0.0, 3.0, 0.5], abs=0.15)
    bench.run(3.0)
    assert bench.flight.velocity == pytest.approx([0.0, 0.0, 0.0], abs=0.1)
    bench.target(VELOCITY, 8, vx=2.0)
    for _ in range(5):
        bench.run(2.0)
        bench.target(VELOCITY, 8, vx=2.0)
    assert bench.flight.velocity[1] == pytest.approx(2.0, abs=0.1), "kept up by repetition"


def test_a_push_makes_it_faster_and_a_place_with_a_velocity_moves_along(bench: Bench) -> None:
    bench.target(PUSH, afy=1.0)
    bench.run(2.0)
    assert 1.2 < bench.flight.velocity[0] < 2.6
    bench.run(4.0)
    assert abs(bench.flight.velocity[0]) < 0.2, "until the time-out"
    bench.target(BOTH, x=0.0, y=0.0, z=-20.0, vx=1.0)
    bench.run(2.8)
    assert 0.7 < bench.flight.velocity[1] < 1.6, "along with it, and after it"


def test_what_makes_no_sense_stops_it(bench: Bench) -> None:
    lat_beyond = mavlink.MAVLink_set_position_target_global_int_message(
        0, 1, 1, 6, PLACE, 910_000_000, 0, 9, *[0.0] * 8
    )
    bad_frame = mavlink.MAVLink_set_position_target_global_int_message(0, 1, 1, 2, PLACE, 0, 0, 9, *[0.0] * 8)
    for stop in (
        lambda: bench.target(NOTHING),
        lambda: bench.target(VELOCITY, vx=math.nan),
        lambda: bench.target(VELOCITY, vx=2000.0),
        lambda: bench.target(PLACE, 5, x=10),
        lambda: bench.target(0b000000000111 | 512, afx=1.0),
        lambda: bench.say(lat_beyond),
        lambda: bench.say(bad_frame),
    ):
        bench.target(VELOCITY, vx=4.0)
        bench.run(2.0)
        assert bench.flight.velocity[1] > 2.5
        stop()
        bench.run(4.0)
        assert bench.flight.velocity == pytest.approx([0.0, 0.0, 0.0], abs=0.15)


def test_a_target_outside_guided_or_outside_the_fence_is_nothing(bench: Bench) -> None:
    bench.pilot.allows = lambda east, north: north < 5
    bench.target(PLACE, x=10, z=-20)
    bench.run(3.0)
    assert bench.place == pytest.approx((0.0, 0.0, 20.0), abs=0.5)
    bench.pilot.allows = lambda east, north: True
    assert bench.pilot.set_mode(BRAKE) == 0
    bench.target(PLACE, x=10, z=-20)
    bench.run(3.0)
    assert bench.place == pytest.approx((0.0, 0.0, 20.0), abs=0.5)


@pytest.mark.parametrize(
    ("p", "result", "heading"),
    [
        ((90, 20, 1, 0), 0, 90.0), ((90, 0, -1, 0), 0, 90.0), ((30, 0, 1, 1), 0, 30.0), ((30, 0, -1, 1), 0, 330.0),
        ((-10, 0, 0, 0), 4, 0.0), ((400, 0, 0, 0), 4, 0.0), ((90, 0, 0, 0.5), 4, 0.0),
    ],
)  # fmt: skip
def test_condition_yaw_turns_or_is_refused(bench: Bench, p: tuple[float, ...], result: int, heading: float) -> None:
    assert bench.pilot.turn(*p) == result
    bench.run(7.0)
    assert (bench.heading - heading + 180) % 360 - 180 == pytest.approx(0.0, abs=1.0)


def test_a_turn_at_a_rate_the_long_way_round_and_a_place_that_ends_it(bench: Bench) -> None:
    bench.pilot.turn(90, 30, -1, 0)
    bench.run(3.0)
    assert 250.0 < bench.heading < 290.0, "270 degrees at 30 a second, against the clock"
    bench.target(PLACE, x=30, z=-20)
    bench.run(5.0)
    assert (bench.heading + 180) % 360 - 180 == pytest.approx(0.0, abs=3.0), "the nose leads the way again"


def test_yaw_and_its_rate_come_with_a_target(bench: Bench) -> None:
    bench.target(VELOCITY & ~1024, vx=0.0, yaw=math.radians(120))
    bench.run(2.9)
    assert bench.heading == pytest.approx(120.0, abs=1.0)
    bench.target(VELOCITY & ~2048, vx=0.0, yaw_rate=math.radians(20))
    bench.run(2.0)
    assert bench.heading == pytest.approx(160.0, abs=4.0)
    bench.run(2.0)
    stopped = bench.heading
    bench.run(2.0)
    assert bench.heading == pytest.approx(stopped, abs=1.0), "the rate ends with the time-out"


def test_a_pause_stands_and_going_on_takes_the_target_up_again(bench: Bench) -> None:
    bench.target(PLACE, x=60, z=-20)
    bench.run(3.0)
    assert bench.pilot.pause(True) == 0
    bench.run(4.0)
    assert float(abs(bench.flight.velocity).max()) < 0.1 and bench.place[0] < 50
    assert bench.pilot.pause(False) == 0
    bench.run(15.0)
    assert bench.place[0] == pytest.approx(60.0, abs=0.5)
