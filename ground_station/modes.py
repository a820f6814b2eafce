"""Flight mode names and numbers (ArduPilot's ``mode.h`` of each vehicle; mavlink.md)."""

from __future__ import annotations

COPTER = {
    "STABILIZE": 0, "ACRO": 1, "ALT_HOLD": 2, "AUTO": 3, "GUIDED": 4, "LOITER": 5, "RTL": 6, "CIRCLE": 7, "LAND": 9,
    "DRIFT": 11, "SPORT": 13, "FLIP": 14, "AUTOTUNE": 15, "POSHOLD": 16, "BRAKE": 17, "THROW": 18, "AVOID_ADSB": 19,
    "GUIDED_NOGPS": 20, "SMART_RTL": 21, "FLOWHOLD": 22, "FOLLOW": 23, "ZIGZAG": 24, "SYSTEMID": 25, "AUTOROTATE": 26,
    "AUTO_RTL": 27, "TURTLE": 28, "RATE_ACRO": 29,
}  # fmt: skip
PLANE = {
    "MANUAL": 0, "CIRCLE": 1, "STABILIZE": 2, "TRAINING": 3, "ACRO": 4, "FBWA": 5, "FBWB": 6, "CRUISE": 7,
    "AUTOTUNE": 8, "AUTO": 10, "RTL": 11, "LOITER": 12, "TAKEOFF": 13, "AVOID_ADSB": 14, "GUIDED": 15,
    "INITIALISING": 16, "QSTABILIZE": 17, "QHOVER": 18, "QLOITER": 19, "QLAND": 20, "QRTL": 21, "QAUTOTUNE": 22,
    "QACRO": 23, "THERMAL": 24, "LOITER_ALT_QLAND": 25, "AUTOLAND": 26,
}  # fmt: skip
ROVER = {
    "MANUAL": 0, "ACRO": 1, "STEERING": 3, "HOLD": 4, "LOITER": 5, "FOLLOW": 6, "SIMPLE": 7, "DOCK": 8, "CIRCLE": 9,
    "AUTO": 10, "RTL": 11, "SMART_RTL": 12, "GUIDED": 15, "INITIALISING": 16,
}  # fmt: skip

FLIES_PLAN = frozenset({"AUTO", "AUTO_RTL"})
"""Modes that fly whatever mission is on board."""

# MAV_TYPE: 1 fixed wing, 19-25 and 28 VTOL; 10 ground rover, 11 boat; everything else that flies here is a copter.
_PLANES = frozenset({1, 16, 19, 20, 21, 22, 23, 24, 25, 28})
_ROVERS = frozenset({10, 11})


def modes_of(vehicle_type: int) -> dict[str, int]:
    """Mode numbers by name for a HEARTBEAT.type."""
    return PLANE if vehicle_type in _PLANES else ROVER if vehicle_type in _ROVERS else COPTER


def mode_name(vehicle_type: int, number: int) -> str:
    """The name, or ``MODE 99`` for a number that this vehicle type does not have."""
    names = {value: name for name, value in modes_of(vehicle_type).items()}
    return names.get(number, f"MODE {number}")
