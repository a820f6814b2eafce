"""What a user may say of a simulated camera: its clock, its shutter, its way to the ground, its card.

A scenario says it as ``[camera]``, the verb ``simulate`` as ``--camera readout_s=0.03,dropped=0.02``. Without either,
a camera is synchronised to its autopilot, exposes all rows at once, and loses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulators.tables import TableError, from_words, number, whole, word

NORMALISED, PIXELS = "normalised", "pixels"


class CameraOptionsError(ValueError):
    """Words that are no camera: names the option and what is allowed."""


@dataclass(frozen=True, slots=True)
class CameraOptions:
    """Shares 0 to below 1, seconds.

    ``clock_offset_s``, ``clock_drift_ppm``: the camera's clock is ahead of the vehicle's boot clock by that much, and
    gains. ``exposure_lag_s``: exposed so long after the instant of its stamp (a profile's ``time_offset_s`` puts it
    right). ``readout_s``: from the first row to the last, the middle row at the instant of exposure. ``dropped``: share
    of frames that never leave the camera. ``late``: share that leaves it ``late_s`` late, and all behind it waits.
    ``thermal_range``: how CAMERA_THERMAL_RANGE gives its two points, as MAVLink says (0 to 1) or as one maker does.
    """

    clock_offset_s: float = number(-3600.0, 3600.0, 0.0)
    clock_drift_ppm: float = number(-1000.0, 1000.0, 0.0)
    exposure_lag_s: float = number(0.0, 1.0, 0.0)
    readout_s: float = number(0.0, 0.1, 0.0)
    dropped: float = number(0.0, 0.95, 0.0)
    late: float = number(0.0, 0.95, 0.0)
    late_s: float = number(0.0, 10.0, 0.5)
    thermal_range: str = word(NORMALISED, PIXELS, default=NORMALISED)
    storage_mib: int = whole(1, 1_000_000, 32_768)


ORDINARY = CameraOptions()


def camera_options_of(text: str) -> CameraOptions:
    """From words: ``readout_s=0.03,thermal_range=pixels``. Raises CameraOptionsError naming what is allowed."""
    try:
        return from_words(CameraOptions, text)
    except TableError as error:
        raise CameraOptionsError(f"camera: {error}") from error
