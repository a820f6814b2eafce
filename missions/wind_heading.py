"""Which way the lines of a survey should run when it blows.

Without an aircraft's power model: across the wind. Every line then has the same airspeed both ways, the smallest that
any heading can have as its largest, √(V² + W²); no line stands still against the wind and none smears the picture with
it behind. With a model the headings are tried, every 10° with the long side and crosswind among them, and the one that
takes the least energy for lines, turns and the ways from and to home is flown, as far as the aircraft has the airspeed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from shapely import Polygon

from missions.area import check_area, local_frame, to_metres
from missions.course import mission_along, place_en
from missions.energy import Conditions, Supply, budget
from missions.geometry.camera import CameraProfile
from missions.geometry.geo import Datum, GeoPoint
from missions.items import compile_items
from missions.survey import long_side_heading_deg, plan_lines, swath

Floats = NDArray[np.float64]

_STEP_DEG = 10.0


class WindError(ValueError):
    """Wind in which no heading can be flown: says what the aircraft has and what it would need."""


@dataclass(frozen=True, slots=True)
class HeadingChoice:
    """``energy_wh`` of the flight at this heading and along the long side, None without a power model."""

    heading_deg: float
    wind_from_deg: float
    energy_wh: float | None = None
    long_side_wh: float | None = None

    def text(self) -> str:
        """One line for people."""
        line = f"lines on {self.heading_deg:.0f}°, wind from {self.wind_from_deg % 360.0:.0f}°"
        if self.energy_wh is None:
            return f"{line}: across the wind"
        if self.long_side_wh is None:
            return f"{line}: {self.energy_wh:.0f} Wh; along the long side the wind is too strong for the aircraft"
        return f"{line}: {self.energy_wh:.0f} Wh, along the long side it would be {self.long_side_wh:.0f} Wh"


def choose_heading(
    area: Polygon, profile: CameraProfile, altitude_m: float, sidelap: float, speed_m_s: float,
    air: Conditions, supply: Supply | None = None, home: GeoPoint | None = None,
) -> HeadingChoice:  # fmt: skip
    """For the survey of `area` (longitude, latitude). Raises WindError, AreaError, SurveyError or CourseError."""
    area = check_area(area)
    outline = to_metres(area, local_frame(area))
    long_side = long_side_heading_deg(outline)
    if air.wind_m_s < 0.5:
        return HeadingChoice(long_side, air.wind_from_deg)
    across = (air.wind_from_deg + 90.0) % 180.0
    if supply is None:
        return HeadingChoice(across, air.wind_from_deg)
    spacing = 2.0 * swath(profile).half_width * altitude_m * (1.0 - sidelap)
    tried = [long_side, across, *np.arange(0.0, 180.0, _STEP_DEG)]
    costs = [
        _energy_wh(area, outline, spacing, float(heading), altitude_m, speed_m_s, supply, home) for heading in tried
    ]
    flyable = [(cost, float(heading)) for cost, heading in zip(costs, tried, strict=True) if cost is not None]
    if not flyable:
        raise WindError(
            f"{air.wind_m_s:g} m/s of wind at {speed_m_s:g} m/s over ground need more airspeed on some line of every "
            f"heading than the aircraft has ({supply.model.top_airspeed_m_s:g} m/s): fly slower, or wait"
        )
    cost, best = min(flyable)
    return HeadingChoice(best, air.wind_from_deg, cost, costs[0])


def _energy_wh(
    area: Polygon, outline: Polygon, spacing_m: float, heading_deg: float, altitude_m: float, speed_m_s: float,
    supply: Supply, home: GeoPoint | None,
) -> float | None:  # fmt: skip
    """Of the flight over flat ground; None where a line asks for more airspeed than the aircraft has."""
    frame = local_frame(area)
    home = home or GeoPoint(frame.origin.lat_deg, frame.origin.lon_deg, 0.0, Datum.SEA_LEVEL)
    lines = plan_lines(outline, spacing_m, heading_deg, 0.0, place_en(frame, home))
    flight = mission_along(
        np.concatenate(lines), frame, altitude_m, home=home, terrain=None, speed_m_s=speed_m_s, look_down=False,
        name="",
    )  # fmt: skip
    spent = budget(compile_items(flight), home, supply)
    if max(leg.airspeed_m_s for leg in spent.legs) > supply.model.top_airspeed_m_s:
        return None
    return spent.energy_wh
