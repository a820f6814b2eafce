"""Planned against flown, in the simulator and with a real ArduCopter, with and without wind."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from ground_station.link import open_link
from ground_station.operation import Operation
from ground_station.pump import Pump
from ground_station.recording import TlogWriter, read_tlog
from ground_station.station import Station
from missions.checks import check
from missions.items import compile_items, wire_xy
from missions.wind import STILL, Air, Conditions
from simulators.autopilot.boot import SHORT
from simulators.autopilot.core import Autopilot
from simulators.autopilot.transfers import MISSION, Item
from simulators.geodesy import Plane
from simulators.sitl import SitlVehicle

from .flight_times import HOME, Flown, lawn_mower, planned_s, table

ITEMS = compile_items(lawn_mower())
# What ANGLE_MAX (30°) leaves the simulated airframes, read off a return against the wind.
SITL_TOP_M_S = 12.65
RECORDED = json.loads(Path(__file__).with_name("flown_in_sitl.json").read_text(encoding="utf-8"))
_AUTO, _GUIDED = 3, 4


def _agree(flown: Flown, air: Air) -> None:
    """Within 5 %, at the last item before the return and at the touch-down."""
    print(f"\n{table(ITEMS, flown, air)}")
    at, total = planned_s(ITEMS, air)
    last = len(ITEMS) - 2
    assert flown.landed_s == pytest.approx(total, rel=0.05)
    assert flown.reached_s[last] == pytest.approx(at[last], rel=0.05)


def _simulated(wind_m_s: float, from_deg: float) -> Flown:
    plane = Plane(HOME.lat_deg, HOME.lon_deg, HOME.alt_m)
    vehicle = Autopilot(plane, HOME.alt_m, seed=1, wind_m_s=0.0, utc_at_boot_s=1.7e9, boot=SHORT)
    vehicle.add_link("ground")
    parser, flown = mavlink.MAVLink(None), Flown()

    def run(seconds: float) -> None:
        vehicle.step(vehicle.now_s + seconds)
        for frame in vehicle.take_outgoing("ground"):
            flown.hear_all(parser.parse_buffer(frame) or ())

    run(13.0)  # until it has a position
    interval = mavlink.MAVLink_command_long_message(
        1, 1, mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, 0, 33, 1e5, 0, 0, 0, 0, 0
    )
    vehicle.receive(bytes(interval.pack(mavlink.MAVLink(None, 255, 190))), link="ground")
    run(1.0)
    vehicle.parameters.values |= {"SIM_WIND_SPD": wind_m_s, "SIM_WIND_DIR": from_deg}
    vehicle.transfers.lists[MISSION] = [
        Item(item.frame, item.command, item.params, *wire_xy(item), item.alt_m) for item in ITEMS
    ]
    assert vehicle.pilot.set_mode(_GUIDED) == 0 and vehicle.pilot.arm(True) == 0
    assert vehicle.pilot.set_mode(_AUTO) == 0 and vehicle.pilot.start_mission() == 0
    while flown.landed_s is None and vehicle.now_s < 900.0:
        run(0.5)
    return flown


@pytest.mark.rehearsal
@pytest.mark.parametrize("wind", [(0.0, 0.0), (8.0, 240.0)])
def test_the_simulator_flies_as_long_as_planned(wind: tuple[float, float]) -> None:
    flown = _simulated(*wind)
    _agree(flown, STILL)  # its controller has thrust enough for any wind


async def _until(condition: Callable[[], bool], limit_s: float) -> None:
    async with asyncio.timeout(limit_s):
        while not condition():  # noqa: ASYNC110 (what is waited for sets no event)
            await asyncio.sleep(0.02)


async def _done(operation: Operation) -> None:
    await _until(lambda: operation.outcome is not None, 60.0)
    assert operation.outcome is not None and operation.outcome.good, operation.outcome


async def _flown_in_sitl(binary: Path, folder: Path, air: Air) -> Flown:
    async with SitlVehicle(binary, HOME, speedup=10.0, gimbal_and_camera=False) as sitl:
        station, recorder = Station(), TlogWriter(folder / "flight.tlog")
        link = open_link(sitl.ground_url)
        await link.open()
        pump = asyncio.create_task(Pump(station, [link], recorder).run())
        try:
            await sitl.ready()
            await sitl.set("SIM_WIND_SPD", air.conditions.wind_m_s)
            await sitl.set("SIM_WIND_DIR", air.conditions.wind_from_deg)
            await _until(lambda: 1 in station.vehicles and bool(station.vehicles[1].state.prearm_ok), 60.0)
            vehicle = station.vehicles[1]
            checked = check(ITEMS, home=HOME).checked
            assert checked is not None
            checked = checked.accepted_by("test", "test")
            await _done(vehicle.upload(checked, now_s=time.monotonic()))
            await _done(vehicle.set_mode("GUIDED", now_s=time.monotonic()))
            await _done(vehicle.arm(now_s=time.monotonic()))
            await _done(vehicle.start_mission(checked.items, now_s=time.monotonic()))
            await _until(lambda: vehicle.flights == 1 and not vehicle.state.armed, 200.0)
        finally:
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)
            await link.close()
            recorder.close()
    flown = Flown()
    flown.hear_all(r.message for _, r in read_tlog(folder / "flight.tlog") if (r.sysid, r.compid) == (1, 1))
    return flown


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_a_real_arducopter_flew_as_long_as_planned(name: str) -> None:
    """ArduCopter 4.7 in SITL, recorded by the test below: when it reached what, in four winds."""
    record = RECORDED[name]
    flown = Flown(landed_s=record["landed_s"], reached_s={int(seq): at for seq, at in record["reached_s"].items()})
    _agree(flown, Air(Conditions(*record["wind"]), SITL_TOP_M_S))


@pytest.mark.sitl
@pytest.mark.long
@pytest.mark.parametrize("name", sorted(RECORDED))
async def test_a_real_arducopter_flies_as_long_as_planned(sitl_binary: Path, tmp_path: Path, name: str) -> None:
    air = Air(Conditions(*RECORDED[name]["wind"]), SITL_TOP_M_S)
    flown = await _flown_in_sitl(sitl_binary, tmp_path, air)
    _agree(flown, air)
