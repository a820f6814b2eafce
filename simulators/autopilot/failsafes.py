"""What acts against the orders: a silent ground station, lost sticks, an empty battery, no position, a crossed fence.

Each says its words when it begins and when it ends, and acts once: whoever changes the mode back has it back. What
they do is in the parameters FS_GCS_ENABLE, FS_THR_ENABLE, BATT_FS_LOW_ACT, BATT_FS_CRT_ACT, FS_EKF_ACTION and
FENCE_ACTION, with FS_OPTIONS for the exceptions; words, severities and times as measured on ArduCopter 4.7 in SITL.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.autopilot import fence
from simulators.autopilot.modes import ALT_HOLD, AUTO, BRAKE, GUIDED, LAND, MODES, RTL, SMART_RTL
from simulators.autopilot.transfers import FENCE, MISSION

if TYPE_CHECKING:
    from simulators.autopilot.core import Autopilot

# What failsafes do, by the numbers of BATT_FS_*_ACT; the other parameters number the same acts otherwise.
_NONE, _LAND, _RTL, _SMART, _SMART_LAND, _TERMINATE, _AUTO_RTL, _BRAKE = range(8)
_BY_GCS = {0: _NONE, 1: _RTL, 2: _RTL, 3: _SMART, 4: _SMART_LAND, 5: _LAND, 6: _AUTO_RTL, 7: _BRAKE}
_BY_RADIO = {0: _NONE, 1: _RTL, 2: _RTL, 3: _LAND, 4: _SMART, 5: _SMART_LAND, 6: _AUTO_RTL, 7: _BRAKE}
_BY_FENCE = {1: (RTL, LAND), 2: (LAND,), 3: (SMART_RTL, RTL, LAND), 4: (BRAKE, LAND), 5: (SMART_RTL, LAND)}
# Of several battery failsafes only one as grave as the gravest so far acts.
_GRAVITY = (_TERMINATE, _LAND, _RTL, _SMART_LAND, _SMART, _NONE)
# FS_OPTIONS
_RC_STAYS_AUTO, _GCS_STAYS_AUTO, _RC_STAYS_GUIDED, _STAYS_LANDING, _GCS_STAYS_BY_HAND = 1, 2, 4, 8, 16
_MAX_ALT, _CIRCLE, _POLYGON, _MIN_ALT = 1, 2, 4, 8
_FENCE_NAMES = ((_MAX_ALT, "Max Alt"), (_CIRCLE, "Circle"), (_POLYGON, "Polygon"), (_MIN_ALT, "Min Alt"))
_GIVES_UP_M = 100.0
_BY_HAND_S, _TOLD_AGAIN_S = 10.0, 1.0
_VARIANCE_EVERY_S, _EKF_CLEARS_S = 30.0, 1.0
_LOW, _CRITICAL = 1, 2
_ABOVE_TERRAIN = 10  # MAV_FRAME


class Failsafes:
    """Watches one vehicle. ``gcs_lost``, ``radio_lost``, ``ekf``, ``battery`` (0, 1 low, 2 critical, latched) and
    ``breaches`` (bits of FENCE_TYPE) are on while the reason lasts."""

    def __init__(self, vehicle: Autopilot) -> None:
        self._vehicle = vehicle
        self._pilot = vehicle.pilot
        self._values = vehicle.parameters.values
        self._gcs_heard_s: float | None = None
        self.gcs_lost = self.radio_lost = self.ekf = False
        self.battery = 0
        self.breaches = self.breach_count = 0
        self.breached_s = 0.0
        self._told_s = self._by_hand_s = -math.inf
        self._below_since_s: dict[int, float] = {}
        self._gravest = len(_GRAVITY)
        self._ekf_acted = False
        self._warned_s = -math.inf
        self._back_s: float | None = None
        self._pilot.worries, self._pilot.allows, self._pilot.entered = self.worries, self.fence_keeps, self._leave_alone

    @property
    def outside_fence(self) -> bool:
        """Whether a fence is crossed in flight."""
        return self.breaches != 0

    @property
    def on(self) -> bool:
        """Whether a failsafe is on."""
        outside = self.outside_fence and self._pilot.armed
        return self.gcs_lost or self.radio_lost or self.ekf or self.battery > 0 or outside

    def hear_gcs(self, now_s: float) -> None:
        """A heartbeat of the ground station that counts; before the first one none is missed."""
        self._gcs_heard_s = now_s

    def step(self) -> None:
        """Look at everything once."""
        self._watch_gcs()
        self._watch_radio()
        self._watch_battery()
        self._watch_position()
        self._watch_fence()

    def worries(self) -> list[str]:
        """What of it is in the way of arming, in ArduCopter's words."""
        reasons = ["GCS failsafe on"] if self.gcs_lost else []
        v, volts, left = self._values, self._vehicle.battery_v, self._left_mah
        if volts < v["BATT_CRT_VOLT"]:
            reasons.append("Battery 1 critical voltage failsafe")
        elif volts < v["BATT_LOW_VOLT"]:
            reasons.append("Battery 1 low voltage failsafe")
        elif left < max(v["BATT_LOW_MAH"], v["BATT_CRT_MAH"]):
            reasons.append("Battery 1 low capacity failsafe")
        elif volts < v["BATT_ARM_VOLT"]:
            reasons.append("Battery 1 below minimum arming voltage")
        elif left < v["BATT_ARM_MAH"]:
            reasons.append("Battery 1 below minimum arming capacity")
        if self.battery:
            reasons.append("Battery failsafe")
        follows = any(item.frame == _ABOVE_TERRAIN for item in self._vehicle.transfers.lists[MISSION])
        if follows and self._vehicle.terrain.pending:
            reasons.append("waiting for terrain data")
        outside = self._breached() if v["FENCE_ENABLE"] else 0
        return [*reasons, f"Vehicle breaching {_named(outside)}"] if outside else reasons

    # --- the ground station and the sticks --------------------------------------------------------------------------

    def _watch_gcs(self) -> None:
        enabled = int(self._values["FS_GCS_ENABLE"])
        if not enabled or self._gcs_heard_s is None:
            return
        lost = self._vehicle.now_s - self._gcs_heard_s > self._values["FS_GCS_TIMEOUT"]
        if lost and not self.gcs_lost:
            self._pilot.sticks.clear()
            self._act("GCS", _BY_GCS.get(enabled, _RTL), self._gcs_exception())
        elif self.gcs_lost and not lost:
            self._vehicle.say(4, "GCS Failsafe Cleared")
        self.gcs_lost = lost

    def _gcs_exception(self) -> str:
        options, mode = int(self._values["FS_OPTIONS"]), self._pilot.mode
        if mode == AUTO and options & _GCS_STAYS_AUTO:
            return "Continuing Auto Mode"
        by_hand = MODES[mode].sticks and self._pilot.armed
        return "Continuing Pilot Control" if by_hand and options & _GCS_STAYS_BY_HAND else ""

    def _watch_radio(self) -> None:
        lost = self._pilot.sticks.lost and bool(self._values["FS_THR_ENABLE"])
        if lost and not self.radio_lost:
            options, mode = int(self._values["FS_OPTIONS"]), self._pilot.mode
            stays = "Continuing Auto" if mode == AUTO and options & _RC_STAYS_AUTO else ""
            if mode == GUIDED and options & _RC_STAYS_GUIDED:
                stays = "Continuing Guided Mode"
            if not self._pilot.armed:
                self._vehicle.say(4, "Radio Failsafe - Disarming")
            else:
                self._act("Radio", _BY_RADIO.get(int(self._values["FS_THR_ENABLE"]), _LAND), stays)
        elif self.radio_lost and not lost:
            self._vehicle.say(4, "Radio Failsafe Cleared")
        self.radio_lost = lost

    # --- the battery ------------------------------------------------------------------------------------------------

    @property
    def _left_mah(self) -> float:
        return self._values["BATT_CAPACITY"] - self._vehicle.used_mah

    def _watch_battery(self) -> None:
        if not self._pilot.armed:
            return
        for level, name in ((_CRITICAL, "CRT"), (_LOW, "LOW")):
            if self.battery < level and self._spent(level, name):
                words = "critical" if level == _CRITICAL else "low"
                used = f"{self._vehicle.battery_v:.2f}V used {self._vehicle.used_mah:.0f} mAh"
                self._vehicle.say(4, f"Battery 1 is {words} {used}")
                self.battery = level
                act = int(self._values[f"BATT_FS_{name}_ACT"])
                gravity = _GRAVITY.index(act) if act in _GRAVITY else len(_GRAVITY) - 1
                if gravity <= self._gravest:
                    self._gravest = gravity
                    self._act("Battery", act)
                return

    def _spent(self, level: int, name: str) -> bool:
        """Below the charge, or below the voltage for BATT_LOW_TIMER."""
        v, now_s = self._values, self._vehicle.now_s
        if v[f"BATT_{name}_MAH"] > 0 and self._left_mah < v[f"BATT_{name}_MAH"]:
            return True
        if not 0 < self._vehicle.battery_v < v[f"BATT_{name}_VOLT"]:
            self._below_since_s.pop(level, None)
            return False
        return now_s - self._below_since_s.setdefault(level, now_s) >= v["BATT_LOW_TIMER"]

    # --- the position -----------------------------------------------------------------------------------------------

    def _watch_position(self) -> None:
        now_s, lost = self._vehicle.now_s, self._pilot.gnss.ever and not self._pilot.position_ready
        if lost:
            self._back_s = None
            if not self.ekf and now_s - self._warned_s > _VARIANCE_EVERY_S:
                self._warned_s = now_s
                self._vehicle.say(2, "EKF variance")
            if self._pilot.armed and not self.ekf:  # armed later it is no news any more
                self._act_on_position()
            self.ekf = True
        elif self.ekf:
            self._back_s = now_s if self._back_s is None else self._back_s
            if now_s - self._back_s >= _EKF_CLEARS_S:
                self.ekf = False
                if self._ekf_acted:
                    self._vehicle.say(2, "EKF Failsafe Cleared")
                self._ekf_acted = False

    def _act_on_position(self) -> None:
        self._ekf_acted = True
        action = int(self._values["FS_EKF_ACTION"])
        if action == 0 or (not MODES[self._pilot.mode].position and action != 3):
            self._vehicle.say(2, "EKF Failsafe")
            return
        if action == 2 and not self.radio_lost:
            self._pilot.set_mode(ALT_HOLD)
        else:
            self._pilot.land_with_pause()
        self._vehicle.say(2, f"EKF Failsafe: changed to {MODES[self._pilot.mode].name} Mode")

    # --- the fence --------------------------------------------------------------------------------------------------

    @property
    def breach_type(self) -> int:
        """FENCE_BREACH of the gravest."""
        if self.breaches & (_CIRCLE | _POLYGON):
            return int(mavlink.FENCE_BREACH_BOUNDARY)
        if self.breaches & _MAX_ALT:
            return int(mavlink.FENCE_BREACH_MAXALT)
        return int(mavlink.FENCE_BREACH_MINALT if self.breaches else mavlink.FENCE_BREACH_NONE)

    def _leave_alone(self) -> None:
        """The mode changed outside the fence: somebody is at it, and nothing acts for a while."""
        if self.breaches:
            self._by_hand_s = self._vehicle.now_s
            self._vehicle.say(6, "Manual recovery started")

    def _watch_fence(self) -> None:
        a, pilot = self._vehicle, self._pilot
        outside = self._breached() if self._values["FENCE_ENABLE"] else 0
        new, before = outside & ~self.breaches, self.breaches
        self.breaches = outside
        if before and not outside and not pilot.landed:
            a.say(5, "Fence breach cleared")
        if not new:
            return
        self.breach_count += 1
        if not before:
            self._tell_breach()
        if pilot.armed and a.now_s - self._by_hand_s >= _BY_HAND_S:
            self._act_on_breach(new)

    def _tell_breach(self) -> None:
        """FENCE_STATUS to everybody, but not twice in a second."""
        now_s = self.breached_s = self._vehicle.now_s
        if now_s - self._told_s > _TOLD_AGAIN_S:
            self._told_s = now_s
            self._vehicle.tell("FENCE_STATUS")

    def _act_on_breach(self, new: int) -> None:
        pilot, action = self._pilot, int(self._values["FENCE_ACTION"])
        if not pilot.landed:
            self._vehicle.say(5, f"{_named(new)} breached")
        if action == 0:
            return
        if pilot.landed:
            pilot.disarm()
            return
        modes = (LAND,) if self._beyond_m(new) > _GIVES_UP_M else _BY_FENCE.get(action, (RTL, LAND))
        for mode in modes:
            if pilot.set_mode(mode) == 0:
                return

    def _breached(self) -> int:
        """Bits of FENCE_TYPE of the fences that the estimated position is outside of."""
        v, home = self._values, self._pilot.home
        up = float(self._pilot.flight.enu[2] - home[2])
        kinds = int(v["FENCE_TYPE"])
        outside = {
            _MAX_ALT: up >= v["FENCE_ALT_MAX"],
            _CIRCLE: self._from_home_m() >= v["FENCE_RADIUS"],
            _POLYGON: not self._polygons_keep(*self._vehicle.believed_en()),
            _MIN_ALT: not self._pilot.landed and not self._pilot.is_landing and up <= v["FENCE_ALT_MIN"],
        }
        return sum(bit for bit, crossed in outside.items() if kinds & bit and crossed)

    def _from_home_m(self) -> float:
        east, north = (float(v) for v in (self._pilot.flight.enu - self._pilot.home)[:2])
        return math.hypot(east, north)

    def _beyond_m(self, kinds: int) -> float:
        """How far outside, where that is known."""
        up = float(self._pilot.flight.enu[2] - self._pilot.home[2])
        above = up - self._values["FENCE_ALT_MAX"] if kinds & _MAX_ALT else 0.0
        return max(above, self._from_home_m() - self._values["FENCE_RADIUS"] if kinds & _CIRCLE else 0.0)

    def _polygons_keep(self, east_m: float, north_m: float) -> bool:
        a = self._vehicle
        if not a.transfers.lists[FENCE]:
            return True
        lat, lon, _ = a.pilot.plane.geo(np.array([east_m, north_m, 0.0]))
        return fence.keeps(a.transfers.lists[FENCE], lat, lon)

    def fence_keeps(self, east_m: float, north_m: float) -> bool:
        """Whether the fence allows a place; everything is allowed while FENCE_ENABLE is 0."""
        return not self._values["FENCE_ENABLE"] or self._polygons_keep(east_m, north_m)

    # --- what they do -----------------------------------------------------------------------------------------------

    def _act(self, name: str, act: int, stays: str = "") -> None:
        """Announce it and do it, unless there is a reason to go on."""
        pilot, say = self._pilot, self._vehicle.say
        if not pilot.armed:
            say(4, f"{name} Failsafe")
        elif pilot.landed:
            say(4, f"{name} Failsafe - Disarming")
            pilot.disarm()
        elif pilot.is_landing and int(self._values["FS_OPTIONS"]) & _STAYS_LANDING:
            say(4, f"{name} Failsafe - Continuing Landing")
            pilot.set_mode(LAND)
        elif stays:
            say(4, f"{name} Failsafe - {stays}")
        else:
            say(4, f"{name} Failsafe")
            self._carry_out(act)

    def _carry_out(self, act: int) -> None:
        pilot, say = self._pilot, self._vehicle.say
        if act == _TERMINATE:
            pilot.disarm()
        elif act == _LAND:
            pilot.land_with_pause()
        elif act == _BRAKE:
            if pilot.set_mode(BRAKE):
                say(4, "Trying Land Mode")
                pilot.land_with_pause()
        elif act == _SMART_LAND and pilot.set_mode(SMART_RTL):
            say(4, "SmartRTL Unavailable, Using Land Mode")
            pilot.land_with_pause()
        elif act == _SMART and pilot.set_mode(SMART_RTL):
            say(4, "SmartRTL Unavailable, Trying RTL Mode")
            self._home_or_land()
        elif act in (_RTL, _AUTO_RTL):
            if act == _AUTO_RTL:
                say(4, "Trying RTL Mode")
            self._home_or_land()

    def _home_or_land(self) -> None:
        if self._pilot.set_mode(RTL):
            self._pilot.land_with_pause()


def _named(kinds: int) -> str:
    """ "Max Alt, Circle and Polygon fences" of bits of FENCE_TYPE."""
    names = [name for bit, name in _FENCE_NAMES if kinds & bit]
    joined = " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    return f"{joined} fence{'s' if len(names) > 1 else ''}"
