"""What flying cost, out of a flight log: battery power beside airspeed and climb, while the aircraft was in the air.

A copter has no airspeed sensor as a rule; its estimator's airspeed (ground velocity less the wind that it worked out)
is what VFR_HUD tells, and what is put together here from a ``.BIN``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ground_station.dataflash import Record, records
from ground_station.recording import read_tlog
from missions.power import PowerError, Samples, air_density

_IN_AIR_M, _LEAST_W = 3.0, 5.0
_FIXED_WING = 1  # MAV_TYPE
Row = tuple[float, float, float, float]


def samples_of(*paths: Path) -> Samples:
    """Of ``.tlog`` and ``.BIN`` files of one aircraft, put together.

    Raises OSError, ValueError, and PowerError where one tells no power in flight, or of a fixed wing.
    """
    rows: list[Row] = []
    for path in paths:
        found = list(_of_bin(path) if path.suffix.lower() == ".bin" else _of_tlog(path))
        if not found:
            raise PowerError(
                f"{path}: no battery power in flight in it (voltage and current, airspeed, above {_IN_AIR_M:g} m)"
            )
        rows += found
    table = np.array(rows, np.float64)
    return Samples(*(table[:, column] for column in range(4)))


def _of_tlog(path: Path) -> Iterator[Row]:
    height_m = density = math.nan
    power_w: float | None = None
    for _, received in read_tlog(path):
        message = received.message
        if received.compid != 1:
            continue
        if received.name == "HEARTBEAT" and message.type == _FIXED_WING:
            raise PowerError(f"{path}: is the log of a fixed wing; the model is one of rotors")
        if received.name == "GLOBAL_POSITION_INT":
            height_m, density = message.relative_alt * 1e-3, air_density(message.alt * 1e-3)
        elif received.name == "SYS_STATUS":
            known = message.voltage_battery != 0xFFFF and message.current_battery >= 0
            power_w = message.voltage_battery * 1e-3 * message.current_battery * 1e-2 if known else None
        elif received.name == "VFR_HUD" and power_w is not None and height_m > _IN_AIR_M and power_w > _LEAST_W:
            yield message.airspeed, message.climb, power_w, density
            power_w = None  # each measurement once


def _of_bin(path: Path) -> Iterator[Row]:
    wind = (0.0, 0.0)
    velocity: tuple[float, float, float] | None = None
    height_m = density = math.nan
    for record in records(path.read_bytes()):
        value = record.values
        if record.name == "POS":
            height_m, density = float(value.get("RelHomeAlt", math.nan)), air_density(float(value.get("Alt", 0.0)))
        elif record.name == "XKF2" and value.get("C", 0) == 0:
            wind = float(value.get("VWN", 0.0)), float(value.get("VWE", 0.0))
        elif record.name == "XKF1" and value.get("C", 0) == 0:
            velocity = tuple(float(value.get(key, math.nan)) for key in ("VN", "VE", "VD"))  # type: ignore[assignment]
        elif record.name == "BAT" and velocity is not None and height_m > _IN_AIR_M:
            power_w = _battery_w(record)
            if power_w > _LEAST_W:
                yield math.hypot(velocity[0] - wind[0], velocity[1] - wind[1]), -velocity[2], power_w, density


def _battery_w(record: Record) -> float:
    value = record.values
    return float(value.get("Volt", 0.0)) * float(value.get("Curr", 0.0))
