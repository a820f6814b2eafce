"""Read and set one parameter, by comparing with the vehicle's answer (mavlink.io/en/services/parameter.html).

ArduPilot casts every value to float, clamps and truncates silently, and does not answer at all for an unknown name.
"""

from __future__ import annotations

import math

from ground_station.operation import DONE, REFUSED, UNKNOWN, Operation
from ground_station.telemetry import VehicleState
from ground_station.wire import Message, mavlink, text_of

_RESEND_S = 0.7
_PATIENCE_S = 4.0


class Parameter(Operation):
    """``wanted`` None: read it; else set it. ``value`` is the vehicle's answer."""

    def __init__(self, target: int, name: str, wanted: float | None, *, now_s: float) -> None:
        super().__init__(f"param {'get' if wanted is None else 'set'} {name}", now_s=now_s)
        if not 1 <= len(name) <= 16 or not name.isascii():
            raise ValueError(f"parameter name {name!r}: allowed are 1 to 16 ASCII letters")
        if wanted is not None and not math.isfinite(wanted):
            raise ValueError(f"parameter {name}: value {wanted} is not a finite number")
        self.name, self.value, self._wanted, self._target = name, math.nan, wanted, target
        self._send(now_s)

    def _send(self, now_s: float) -> None:
        key = self.name.encode()
        if self._wanted is None:
            self._out.append(mavlink.MAVLink_param_request_read_message(self._target, 1, key, -1))
        else:
            self._out.append(mavlink.MAVLink_param_set_message(self._target, 1, key, self._wanted, 9))
        self._sent_s = now_s

    def _receive(self, message: Message, state: VehicleState, now_s: float) -> None:
        if message.get_type() != "PARAM_VALUE" or text_of(message.param_id) != self.name:
            return
        self.value = float(message.param_value)
        if self._wanted is None or math.isclose(self.value, self._wanted, rel_tol=1e-6, abs_tol=1e-6):
            self._end(DONE, f"{self.name} = {self.value:g}", now_s)
        else:
            self._end(REFUSED, f"the vehicle keeps {self.name} at {self.value:g}, not {self._wanted:g}", now_s)

    def _tick(self, state: VehicleState, now_s: float) -> None:
        if now_s - self.started_s > _PATIENCE_S:
            self._end(UNKNOWN, f"no answer: the vehicle may not know {self.name}", now_s)
        elif now_s - self._sent_s > _RESEND_S:
            self._send(now_s)
