"""Whether the vehicle stands: the motors' run-up before it lifts, the landing detector after it came down.

After arming the motors wait two seconds; a take-off runs them up before anything moves. Down again, it counts as landed
when it has not moved for a second, and as stopped, so that it may be disarmed, when the motors have run down. Times as
read from ArduCopter in SITL.
"""

from __future__ import annotations

_ARMING_DELAY_S, _RUN_UP_S = 2.0, 1.0
_DETECTED_S, _RUN_DOWN_S = 1.2, 0.65


class Contact:
    """``landed`` is what EXTENDED_SYS_STATE tells."""

    def __init__(self) -> None:
        self.landed = True
        self._now_s = 0.0
        self._landed_s = -_RUN_DOWN_S
        self._armed_s = 0.0
        self._run_up_s: float | None = None
        self._touched_s: float | None = None

    @property
    def stopped(self) -> bool:
        """Landed, and the motors idle."""
        return self.landed and self._run_up_s is None and self._now_s - self._landed_s >= _RUN_DOWN_S

    def arm(self) -> None:
        """The motors begin to wait."""
        self._armed_s, self._run_up_s = self._now_s, None

    def lifts(self, wanted: bool) -> bool:
        """Whether it leaves the ground, which is wanted or not."""
        if not wanted or self._now_s - self._armed_s < _ARMING_DELAY_S:
            self._run_up_s = None
            return False
        self._run_up_s = self._now_s if self._run_up_s is None else self._run_up_s
        return self._now_s - self._run_up_s >= _RUN_UP_S

    def step(self, now_s: float, *, armed: bool, on_ground: bool) -> None:
        """Look once."""
        self._now_s = now_s
        if armed and not on_ground:
            self.landed, self._touched_s, self._run_up_s = False, None, None
            return
        if not armed:
            self._run_up_s = None
        if self.landed:
            return
        self._touched_s = now_s if self._touched_s is None else self._touched_s
        if not armed or now_s - self._touched_s >= _DETECTED_S:
            self.landed, self._landed_s = True, now_s
