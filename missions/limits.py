"""What the checks measure against."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Metres. `hit_m`: closer to the surface than this is a hit (terrain error, GNSS height and sink of the vehicle
    together); `clearance_m`: closer than this is a warning.

    `rtl_m`: RTL_ALT above home, `rtl_cone_slope`: RTL_CONE_SLOPE, `rally_limit_m`: RALLY_LIMIT_KM (all as ArduCopter
    comes); `link_m`: how far the radio reaches, None where nobody says, `link_mhz` its frequency; `antenna_m`: its
    height over the ground at home.
    """

    hit_m: float = 5.0
    clearance_m: float = 10.0
    first_leg_m: float = 1_500.0
    farthest_m: float = 10_000.0
    max_height_m: float = 120.0
    rtl_m: float = 15.0
    rtl_cone_slope: float = 3.0
    rally_limit_m: float = 300.0
    link_m: float | None = None
    link_mhz: float = 2_400.0
    antenna_m: float = 2.0
