"""The parameters that govern how the vehicle flies and when it refuses, with ArduPilot's names, units and defaults.

``SIM_*`` are the levers of ArduPilot's own simulator: set over the wire, a test makes receiver, compass, barometer,
accelerometer, sticks or battery fail as it would there. Values are floats by name; the wire types are ArduPilot's.
"""

from __future__ import annotations

from collections.abc import Mapping

_FLOAT, _INT8, _INT16, _INT32 = 9, 2, 4, 6

Values = Mapping[str, float]

# name: (value, MAV_PARAM_TYPE)
SETTINGS: dict[str, tuple[float, int]] = {
    # Speeds in cm/s, accelerations in cm/s². Heights: RTL_*, LAND_* in cm, FENCE_* in m. RTL_LOIT_TIME in ms, all other
    # times in s. Angles in degrees but ANGLE_MAX in centidegrees. SIM_BATT_VOLTAGE 0: the simulator's own battery.
    "WPNAV_SPEED": (1000, _FLOAT), "WPNAV_SPEED_UP": (250, _FLOAT), "WPNAV_SPEED_DN": (150, _FLOAT),
    "WPNAV_RADIUS": (200, _FLOAT), "WPNAV_ACCEL": (250, _FLOAT), "WPNAV_JERK": (1, _FLOAT), "GUID_TIMEOUT": (3, _FLOAT),
    "LOIT_SPEED": (1250, _FLOAT),
    "RTL_ALT": (1500, _INT32), "RTL_ALT_FINAL": (0, _INT16), "RTL_CLIMB_MIN": (0, _INT16), "RTL_SPEED": (0, _INT16),
    "RTL_CONE_SLOPE": (3, _FLOAT), "RTL_LOIT_TIME": (5000, _INT32), "LAND_SPEED": (50, _INT16),
    "LAND_SPEED_HIGH": (0, _INT16), "LAND_ALT_LOW": (1000, _FLOAT), "PILOT_SPEED_UP": (250, _INT16),
    "PILOT_SPEED_DN": (0, _INT16), "PILOT_Y_RATE": (202.5, _FLOAT), "CIRCLE_RADIUS": (1000, _FLOAT),
    "CIRCLE_RATE": (20, _FLOAT), "SRTL_ACCURACY": (2, _FLOAT), "DISARM_DELAY": (10, _INT8), "AUTO_OPTIONS": (0, _INT32),
    "MIS_RESTART": (0, _INT8), "RC_OVERRIDE_TIME": (3, _FLOAT), "ANGLE_MAX": (3000, _INT16),
    "ARMING_CHECK": (1, _INT32), "FS_GCS_ENABLE": (0, _INT8),
    "FS_GCS_TIMEOUT": (5, _FLOAT), "FS_OPTIONS": (16, _INT32), "FS_THR_ENABLE": (1, _INT8),
    "FS_THR_VALUE": (975, _INT16), "FS_EKF_ACTION": (1, _INT8),
    "FENCE_ENABLE": (0, _INT8), "FENCE_TYPE": (7, _INT8), "FENCE_ACTION": (1, _INT8), "FENCE_ALT_MAX": (100, _FLOAT),
    "FENCE_ALT_MIN": (-10, _FLOAT), "FENCE_RADIUS": (300, _FLOAT), "FENCE_MARGIN": (2, _FLOAT),
    "BATT_MONITOR": (4, _INT8), "BATT_CAPACITY": (10000, _INT32), "BATT_ARM_VOLT": (0, _FLOAT),
    "BATT_ARM_MAH": (0, _INT32), "BATT_LOW_VOLT": (14.0, _FLOAT), "BATT_LOW_MAH": (0, _FLOAT),
    "BATT_LOW_TIMER": (10, _INT8), "BATT_CRT_VOLT": (0, _FLOAT), "BATT_CRT_MAH": (0, _FLOAT),
    "BATT_FS_LOW_ACT": (0, _INT8), "BATT_FS_CRT_ACT": (0, _INT8), "SIM_GPS1_ENABLE": (1, _INT8),
    "SIM_MAG1_FAIL": (0, _INT8), "SIM_BARO_DISABLE": (0, _INT8), "SIM_RC_FAIL": (0, _INT8),
    "SIM_ACCEL1_FAIL": (0, _FLOAT), "SIM_BATT_VOLTAGE": (0, _FLOAT), "SIM_WIND_SPD": (0, _FLOAT),
    "SIM_WIND_DIR": (180, _FLOAT),
}  # fmt: skip


def defaults() -> dict[str, float]:
    """A fresh table of values."""
    return {name: float(value) for name, (value, _) in SETTINGS.items()}
