"""What the vehicle's receiver and its estimator give: a fix, a position, and how the position wanders.

Without a fix the estimator goes on for eight seconds on what it has, then it has no position (measured on ArduCopter
in SITL: receiver off at 65.1 s, "EKF variance" at 73.1 s; a fix back is used after 0.3 s).

The error of a receiver is not white: most of it stays for a flight, the rest wanders over minutes as satellites move.
Here the offset that was drawn for the flight is turned slowly into a first-order Gauss-Markov process around it,
``wander`` of the variance with a correlation of ``_CORRELATION_S``, so that the sum keeps the sigma that is reported.
"""

from __future__ import annotations

import math

import numpy as np

from simulators.autopilot.boot import MEASURED, Boot
from simulators.autopilot.settings import Values
from simulators.flight import Errors
from simulators.geodesy import Floats

_COASTS_S, _BACK_S = 8.0, 0.3
_CORRELATION_S, _WANDERS = 240.0, 0.1
_EVERY_S = 0.2


class Gnss:
    """``fix`` of the receiver, ``found`` once there was one; ``origin`` and ``position`` of the estimator, ``ever``
    once it had a position; ``offset_m`` (3,) ENU."""

    def __init__(self, values: Values, errors: Errors, rng: np.random.Generator, boot: Boot = MEASURED) -> None:
        self._values, self._rng, self._boot = values, rng, boot
        self.fix = self.found = False
        self.origin = self.position = self.ever = False
        self._changed_s = 0.0
        self._steady = math.sqrt(1 - _WANDERS) * np.array(errors.position_enu_m)
        each = np.array([errors.h_acc_m / math.sqrt(2), errors.h_acc_m / math.sqrt(2), errors.v_acc_m])
        self._sigma = math.sqrt(_WANDERS) * each
        self._wander = self._sigma * rng.standard_normal(3)
        self._next_s = 0.0
        self.offset_m: Floats = self._steady + self._wander

    def step(self, now_s: float) -> None:
        """Let time pass."""
        boot = self._boot
        fix = bool(self._values["SIM_GPS1_ENABLE"]) and now_s >= boot.fix_s
        if fix != self.fix:
            self.fix, self._changed_s = fix, now_s
            self.found = True
        lasted = now_s - self._changed_s
        if fix:
            self.origin = self.origin or lasted >= boot.origin_s - boot.fix_s - 1e-9
            needs_s = _BACK_S if self.ever else boot.position_s - boot.fix_s - 1e-9
            self.position = self.position or lasted >= needs_s
        else:
            self.position = self.position and lasted < _COASTS_S
        self.ever = self.ever or self.position
        if now_s >= self._next_s:
            self._next_s = now_s + _EVERY_S
            keep = math.exp(-_EVERY_S / _CORRELATION_S)
            fresh = self._sigma * math.sqrt(1 - keep * keep)
            self._wander = keep * self._wander + fresh * self._rng.standard_normal(3)
            self.offset_m = self._steady + self._wander
