"""The vehicle's own terrain: which blocks it asks for, as the real one did, and what it does with what it gets."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from ground_station.terrain_service import TerrainService
from missions.geometry.geo import Datum
from missions.geometry.terrain import TerrainGrid
from simulators.autopilot.boot import SHORT
from simulators.autopilot.core import Autopilot
from simulators.autopilot.terrain import PIECES, Terrain
from simulators.geodesy import Plane

LAT, LON, GROUND_M = 51.4344, 6.7623, 33.0
VALUES = {"TERRAIN_ENABLE": 1.0, "TERRAIN_SPACING": 100.0}
# What ArduCopter 4.7 in SITL asked for at LAT, LON, and in addition for a waypoint 6 km to the north.
ASKED = [(514311938, 67227962), (514096341, 67226269), (514096341, 67627729), (514311938, 67629515)]
ASKED_FAR = [(514743132, 67231348), (514743132, 67633089)]
PER_DEG_EAST = 111_319.0 * math.cos(math.radians(LAT))


def hillside() -> TerrainGrid:
    """Rises by 1 m for every 20 m north and every 50 m east, through home; 11 km each way."""
    rows, columns = np.mgrid[0:401, 0:401]
    heights = GROUND_M + (200 - rows) * 5e-4 * 111_319.0 / 20 + (columns - 200) * 5e-4 * PER_DEG_EAST / 50
    return TerrainGrid(heights.astype(np.float32), "EPSG:4326", LON - 0.1, LAT + 0.1, 5e-4, 5e-4, Datum.SEA_LEVEL)


def rise_m(north_m: float, east_m: float) -> float:
    return north_m / 20 + east_m / 50


def asked_for(terrain: Terrain) -> list[tuple[int, int]]:
    """The blocks, as one after the other is asked for and given."""
    corners, now_s = [], 0.0
    while (request := terrain.request(now_s)) is not None:
        corners.append((request.lat, request.lon))
        for bit in range(PIECES):
            terrain.hear(mavlink.MAVLink_terrain_data_message(request.lat, request.lon, 100, bit, [0] * 16))
        now_s += 2.0
    return corners


def test_it_asks_for_the_blocks_that_the_real_one_asked_for() -> None:
    terrain = Terrain(VALUES)
    terrain.want((LAT, LON), [(LAT + 6080 / 111_195, LON)])
    assert (terrain.pending, terrain.loaded) == (6 * PIECES, 0)
    for ours, real in zip(asked_for(terrain), [*ASKED, *ASKED_FAR], strict=True):
        assert ours == pytest.approx(real, abs=1)
    assert (terrain.pending, terrain.loaded) == (0, 6 * PIECES)


def test_it_asks_every_two_seconds_for_what_it_lacks_of_one_block_and_takes_nothing_else() -> None:
    terrain = Terrain(VALUES)
    terrain.want((LAT, LON), [])
    first = terrain.request(0.0)
    assert first.mask == 2**PIECES - 1 and terrain.request(1.9) is None
    for corner, spacing, bit in ((ASKED[0], 100, 3), (ASKED[0], 30, 4), (ASKED[0], 100, 56), ((0, 0), 100, 5)):
        terrain.hear(mavlink.MAVLink_terrain_data_message(*corner, spacing, bit, [7] * 16))
    assert terrain.request(2.0).mask == first.mask & ~(1 << 3) and terrain.loaded == 1
    assert Terrain(VALUES | {"TERRAIN_ENABLE": 0.0}).request(0.0) is None


@given(north_m=st.floats(-1900, 1900), east_m=st.floats(-2200, 2200))
def test_the_height_of_every_place_around_is_that_of_the_ground(north_m: float, east_m: float) -> None:
    place = (LAT + north_m / 111_319.0, LON + east_m / PER_DEG_EAST)
    assert SERVED.height_m(place) == pytest.approx(GROUND_M + rise_m(north_m, east_m), abs=1.1)  # whole metres


def served() -> Terrain:
    terrain, service = Terrain(VALUES), TerrainService()
    service.ground = hillside()
    terrain.want((LAT, LON), [])
    assert terrain.height_m((LAT, LON)) is None
    now_s = 0.0
    while terrain.pending and now_s < 100.0:
        now_s += 0.1
        if (request := terrain.request(now_s)) is not None:
            service.hear(request)
        for data in service.due(now_s=now_s):
            terrain.hear(data)
    return terrain


SERVED = served()


class Bench:
    """A vehicle, and a ground station that has the heights once ``service`` has a ground."""

    def __init__(self) -> None:
        self.vehicle = Autopilot(
            Plane(LAT, LON, GROUND_M), GROUND_M, seed=40, wind_m_s=0.0, utc_at_boot_s=1.7e9, boot=SHORT
        )
        self.vehicle.add_link("ground")
        self.service = TerrainService()
        self.heard: list[Any] = []
        self._parser = mavlink.MAVLink(None)
        self.send(mavlink.MAVLink_command_long_message(1, 1, 511, 0, 133, 5e5, 0, 0, 0, 0, 0))
        self.run(13.0)
        self.command(176, 1, 4)

    def send(self, message: Any) -> None:
        self.vehicle.receive(bytes(message.pack(mavlink.MAVLink(None, 255, 190))), link="ground")

    def command(self, number: int, *params: float) -> int:
        self.send(mavlink.MAVLink_command_long_message(1, 1, number, 0, *[*params, *[0.0] * 7][:7]))
        return int(next(m for m in self.run(0.2) if m.get_type() == "COMMAND_ACK").result)

    def run(self, seconds: float) -> list[Any]:
        heard: list[Any] = []
        end_s = self.vehicle.now_s + seconds
        while self.vehicle.now_s < end_s - 1e-6:
            self.vehicle.step(self.vehicle.now_s + 0.1)
            new = [m for data in self.vehicle.take_outgoing("ground") for m in self._parser.parse_buffer(data) or ()]
            for message in new:
                if message.get_type() == "TERRAIN_REQUEST":
                    self.service.hear(message)
            for data in self.service.due(now_s=self.vehicle.now_s):
                self.send(data)
            heard += new
        self.heard += heard
        return heard

    def upload(self, *items: tuple[int, int, float, float]) -> None:
        """(command, frame, metres north, height)."""
        self.send(mavlink.MAVLink_mission_count_message(1, 1, len(items), 0))
        for seq, (command, frame, north_m, z) in enumerate(items):
            x, y = round((LAT + north_m / 111_319.0) * 1e7), round(LON * 1e7)
            self.send(mavlink.MAVLink_mission_item_int_message(1, 1, seq, frame, command, 0, 1, 0, 0, 0, 0, x, y, z, 0))
            self.run(0.1)


def test_a_mission_above_terrain_arms_when_the_heights_are_there_and_keeps_above_the_slope() -> None:
    bench = Bench()
    bench.upload((16, 0, 0.0, 33.0), (22, 6, 0.0, 20.0), (16, 11, 400.0, 20.0))
    bench.run(1.0)
    assert bench.command(400, 1) == 4
    assert "Arm: waiting for terrain data" in [m.text for m in bench.heard if m.get_type() == "STATUSTEXT"]
    bench.service.ground = hillside()
    bench.run(45.0)
    assert (bench.vehicle.terrain.pending, bench.vehicle.terrain.loaded) == (0, 4 * PIECES)
    assert bench.command(400, 1) == 0
    bench.command(300)
    enu = bench.vehicle.pilot.flight.enu
    while enu[1] < 200.0 and bench.vehicle.now_s < 200.0:
        bench.run(0.5)
    assert enu[2] == pytest.approx(GROUND_M + 20.0 + rise_m(200.0, 0.0), abs=2.0)
    bench.run(60.0)
    assert (enu[1], enu[2]) == pytest.approx((400.0, GROUND_M + 20.0 + rise_m(400.0, 0.0)), abs=3.0)
