"""Rows of a table of poses that cannot be: a height of 0 in the middle of a flight, a place on another continent.

Logs and exports hold such rows, and one of them puts a fire somewhere else with a small ellipse. Each place is held
against the median of its neighbours in the table (Hampel's filter), in units of how far those scatter themselves: a
climb and a turn scatter too, so only what is far outside of both is called a stray. It is left out with its reason.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from missions.geometry.geo import LocalFrame
from missions.geometry.pose import Pose

STRAY = "its pose is a stray: "
_HALF, _FEWEST = 7, 7
# Far beyond what a receiver or a barometer is off, and then in sigmas of the neighbours (1.4826 · MAD).
_LEAST_HEIGHT_M, _LEAST_PLACE_M = 10.0, 50.0
_SIGMAS = 8.0


def strays(poses: Sequence[Pose]) -> dict[int, str]:
    """Index in the table → why; nothing where there are too few rows to judge by."""
    if len(poses) < _FEWEST:
        return {}
    lat = np.array([pose.position.lat_deg for pose in poses])
    lon = np.array([pose.position.lon_deg for pose in poses])
    alt = np.array([pose.position.alt_m for pose in poses])
    middle = int(np.argsort(lat)[len(lat) // 2])
    # At one height for all: only how far apart they are in the plane is asked here.
    en = LocalFrame(poses[middle].position).enu_from_geo(lat, lon, poses[middle].position.alt_m)[:, :2]
    found = {}
    height_off, height_most = _off(alt, _LEAST_HEIGHT_M)
    for at in np.flatnonzero(height_off > height_most):
        found[int(at)] = f"{STRAY}its height is {height_off[at]:.0f} m off that of its neighbours"
    for axis in range(2):
        off, most = _off(en[:, axis], _LEAST_PLACE_M)
        for at in np.flatnonzero(off > most):
            found.setdefault(int(at), f"{STRAY}it lies {off[at]:.0f} m off its neighbours")
    return found


def _off(values: NDArray[np.float64], least: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(N,) how far each is off the median of its neighbours, and how far it may be."""
    padded = np.pad(values, _HALF, constant_values=np.nan)
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * _HALF + 1)
    median = np.nanmedian(around, axis=1)
    scatter = 1.4826 * np.nanmedian(np.abs(around - median[:, None]), axis=1)
    return np.abs(values - median), np.maximum(least, _SIGMAS * scatter)
