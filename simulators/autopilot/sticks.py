"""The pilot's hands: simulated sticks lie in the middle, the throttle at 1000 µs, as in ArduPilot's own simulator.

So a mode that the hands fly sinks to the ground unless a ground station overrides channel 3, for RC_OVERRIDE_TIME.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from simulators.autopilot.settings import Values

_AT_REST = (1500, 1500, 1000, 1500)
_KEEP, _RELEASE = 65_535, 0
_MIDDLE, _DEADZONE = 500.0, 100.0
_LOST_AFTER_S = 1.0


class Sticks:
    """Four channels, µs: roll, pitch, throttle, yaw."""

    def __init__(self, values: Values) -> None:
        self._values = values
        self._overrides: dict[int, tuple[int, float]] = {}
        self._heard_s = 0.0
        self._now_s = 0.0

    def override(self, channels: Sequence[int], now_s: float) -> None:
        """RC_CHANNELS_OVERRIDE: 65535 leaves a channel, 0 gives it back."""
        for index, pulse in enumerate(channels[:4]):
            if pulse == _RELEASE:
                self._overrides.pop(index, None)
            elif pulse != _KEEP:
                self._overrides[index] = (int(pulse), now_s)

    def by_hand(self, m: Any, now_s: float) -> None:
        """MANUAL_CONTROL: -1000..1000, the throttle 0..1000; what is out of its range leaves its channel."""
        moved = ((m.y, 1500 + m.y / 2), (m.x, 1500 - m.x / 2), (m.z, 1000 + m.z), (m.r, 1500 + m.r / 2))
        self.override([round(pulse) if abs(value) <= 1000 else _KEEP for value, pulse in moved], now_s)

    def clear(self) -> None:
        """No overrides any more, as when the ground station is lost."""
        self._overrides.clear()

    def step(self, now_s: float) -> None:
        """Let time pass."""
        self._now_s = now_s
        if not self._values["SIM_RC_FAIL"]:
            self._heard_s = now_s

    @property
    def lost(self) -> bool:
        """Whether the receiver has been silent for a second; a fresh override counts as hearing."""
        return self._now_s - self._heard_s >= _LOST_AFTER_S and self._override(2) is None

    def channel(self, index: int) -> int:
        """A channel in µs, 0 to 3."""
        pulse = self._override(index)
        return _AT_REST[index] if pulse is None else pulse

    def _override(self, index: int) -> int | None:
        pulse, at_s = self._overrides.get(index, (0, -1e9))
        return pulse if self._now_s - at_s <= self._values["RC_OVERRIDE_TIME"] else None

    @property
    def throttle_low(self) -> bool:
        """Whether the throttle is at its lower stop."""
        return self.channel(2) <= 1000 + _DEADZONE / 10

    @property
    def climb_m_s(self) -> float:
        """The climb rate that the throttle asks for: the middle fifth means none."""
        up = self._values["PILOT_SPEED_UP"] / 100
        down = (self._values["PILOT_SPEED_DN"] or self._values["PILOT_SPEED_UP"]) / 100
        high = max(0.0, min(1000.0, self.channel(2) - 1000.0)) - _MIDDLE
        if abs(high) <= _DEADZONE:
            return 0.0
        share = (abs(high) - _DEADZONE) / (_MIDDLE - _DEADZONE)
        return share * up if high > 0 else -share * down

    def tilt(self) -> tuple[float, float]:
        """Forward and right, -1..1."""
        return (1500 - self.channel(1)) / 500, (self.channel(0) - 1500) / 500

    @property
    def turn_rad_s(self) -> float:
        """The yaw rate that the rudder asks for, clockwise."""
        return (self.channel(3) - 1500) / 500 * self._values["PILOT_Y_RATE"] * 0.017453292519943295
