"""The second airframe: a QuadPlane under a real ArduPlane, ready by its own word, up and down on its rotors."""

from __future__ import annotations

from pathlib import Path

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.sitl import SitlVehicle
from simulators.sitl_setup import QUADPLANE, find_binary
from tests.simulators.test_sitl import FAST, HOME, Wire

QLAND = 20


@pytest.fixture
def binary() -> Path:
    found = find_binary(None, QUADPLANE)
    if found is None:
        pytest.skip("no ArduPlane binary: neither EINSATZDROHNE_SITL_PLANE nor arduplane on the PATH")
    return found


@pytest.mark.sitl
async def test_it_arms_with_our_parameters_climbs_on_its_rotors_and_lands(binary: Path) -> None:
    async with SitlVehicle(binary, HOME, speedup=FAST, airframe=QUADPLANE, gimbal_and_camera=False) as vehicle:
        assert vehicle.version_text.startswith("ArduPlane 4.")
        await vehicle.ready()
        with Wire(vehicle.ground_url) as ground, Wire(vehicle.truth_url) as truth:
            await ground.hear("HEARTBEAT", lambda m: bool(m.custom_mode == QUADPLANE.guided))
            assert await ground.command(mavlink.MAV_CMD_COMPONENT_ARM_DISARM, 1) == 0, ground.texts
            assert await ground.command(mavlink.MAV_CMD_NAV_TAKEOFF, 0, 0, 0, 0, 0, 0, 20) == 0
            top = await truth.hear("SIM_STATE", lambda m: bool(m.alt > HOME.alt_m + 17))
            assert (top.lat_int / 1e7, top.lon_int / 1e7) == pytest.approx((HOME.lat_deg, HOME.lon_deg), abs=5e-5)
            assert await ground.command(mavlink.MAV_CMD_DO_SET_MODE, 1, QLAND) == 0
            armed = mavlink.MAV_MODE_FLAG_SAFETY_ARMED
            await ground.hear("HEARTBEAT", lambda m: m.autopilot == 3 and not m.base_mode & armed, 40.0)
            await truth.hear("SIM_STATE", lambda m: abs(m.alt - HOME.alt_m) < 1.5)
