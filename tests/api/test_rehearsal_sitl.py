"""A rehearsal with ArduPilot's own binary: the same scene, the same score, another autopilot."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.rehearsal import rehearse_in_sitl
from simulators.sitl_setup import find_binary

# It keeps real time: three minutes of flight after the 40 s in which its estimator settles.
pytestmark = [pytest.mark.sitl, pytest.mark.long, pytest.mark.timeout(900)]


async def test_a_real_autopilot_flies_a_scenario_and_the_same_truth_judges_it() -> None:
    binary = find_binary() or pytest.skip("no ArduCopter binary: EINSATZDROHNE_SITL or arducopter on the PATH")
    figures = await rehearse_in_sitl("uebungsplatz", 1, Path(binary))
    assert "ArduCopter" in figures["sitl"]
    assert (figures["recall"], figures["false"], figures["duplicates"]) == (1.0, 0, 0)
    assert 0.0 < figures["error_m"]["p50"] < 3.5, "the camera's mount and the gimbal err, the place of SITL does not"
    assert figures["frames"] > 300 and figures["coverage"]["seen"] > 0.95
    assert 1.5 < figures["flight_min"] < 4.0 and figures["landed_in_mode"] == [3]
