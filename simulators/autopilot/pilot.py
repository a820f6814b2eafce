"""Who flies: modes, arming, take-off, the mission, return and landing.

Thin where the real one is rich, but true: it refuses what ArduCopter refuses, in its words, and flies what it was told.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from simulators.autopilot.transfers import MISSION, Item, Transfers
from simulators.flight import Flight
from simulators.geodesy import Floats, Plane

STABILIZE, AUTO, GUIDED, LOITER, RTL, LAND, BRAKE = 0, 3, 4, 5, 6, 9, 17
MODES = {STABILIZE, AUTO, GUIDED, LOITER, RTL, LAND, BRAKE}
_ARMABLE = {STABILIZE, GUIDED, LOITER}
ACCEPTED, DENIED, UNSUPPORTED, FAILED = 0, 2, 3, 4
ON_GROUND, IN_AIR, TAKING_OFF, LANDING = 1, 2, 3, 4

_AUTO_DISARM_S = 10.0
_CLIMB_M_S, _SINK_M_S, _FINAL_SINK_M_S = 2.5, 1.5, 0.5
_RTL_ALT_M = 15.0
_REACHED_M = 2.0
_PREARM_EVERY_S = 30.0
_FOR_EVER_S = 1e9
# The vehicle's own step, simulated seconds.
STEP_S = 0.02
READY_S = 12.0

Say = Callable[[int, str], None]


class Pilot:
    """Flies one vehicle. ``home`` (3,) east-north-up metres, set again at arming."""

    def __init__(self, flight: Flight, plane: Plane, transfers: Transfers, say: Say) -> None:
        self.flight, self.plane, self.transfers, self._say = flight, plane, transfers, say
        self.mode = STABILIZE
        self.armed = False
        self.home = flight.enu.copy()
        self.current = 0
        self.reached: int | None = None
        self.mission_state = 1
        self.speed_m_s = 8.0
        self.gimbal_pitch_deg = 0.0
        self.gimbal_yaw_deg = 0.0
        self.shots = 0
        self._armed_at_s = 0.0
        self._now_s = 0.0
        self._takeoff_to: float | None = None
        self._goal: Floats | None = None
        self._landing = False
        self._returning = False
        self._hold_until_s: float | None = None
        self._land_at_goal = False
        self._circle: tuple[Floats, float, float] | None = None  # centre, radius m (negative: anticlockwise), turns
        self._circled_rad, self._azimuth_rad = 0.0, math.nan
        self._jumped: dict[int, int] = {}
        self._roi: Floats | None = None
        self._trigger_m = 0.0
        self._shot_at: Floats = flight.enu.copy()
        self._changed = 0
        self._prearm_at_s = _PREARM_EVERY_S

    # --- what can be asked of it ------------------------------------------------------------------------------------

    @property
    def position_ready(self) -> bool:
        """Whether the estimator has a position: some time after boot."""
        return self._now_s >= READY_S

    @property
    def landed_state(self) -> int:
        """MAV_LANDED_STATE."""
        if self.flight.on_ground:
            return ON_GROUND
        if self._takeoff_to is not None:
            return TAKING_OFF
        return LANDING if self._landing else IN_AIR

    def set_mode(self, number: int) -> int:
        """MAV_RESULT of a mode change."""
        if number not in MODES:
            self._say(4, f"No such mode {number}")
            return FAILED
        flying = not self.flight.on_ground
        if number == AUTO and flying and len(self.transfers.lists[MISSION]) < 2:
            self._say(4, "Mode change to AUTO failed: init failed")
            return FAILED
        if number in (GUIDED, AUTO, RTL, LOITER) and flying and not self.position_ready:
            return FAILED
        if number != self.mode:
            self._enter(number)
        return ACCEPTED

    def _enter(self, number: int) -> None:
        self.mode = number
        self._goal = None if number != GUIDED else self.flight.enu.copy()
        self._landing = number == LAND
        self._returning = number == RTL
        self._takeoff_to = None
        if number == AUTO and not self.flight.on_ground:
            self._begin_mission()

    @property
    def flies_mission(self) -> bool:
        """Whether AUTO flies the mission now."""
        return self.mode == AUTO and self.armed and not self.flight.on_ground

    def set_current(self, seq: int) -> int:
        """MAV_RESULT of making an item the current one."""
        if not 0 <= seq < len(self.transfers.lists[MISSION]):
            return DENIED
        self.current = seq
        if self.flies_mission:
            self.mission_state = 3
            self._restart()
        return ACCEPTED

    def _restart(self) -> None:
        """Take the current item up again."""
        self._takeoff_to = self._goal = self._circle = None
        self._landing = self._returning = self._land_at_goal = False
        self.current = max(0, self.current - 1)
        self._advance()

    def arm(self, wanted: bool) -> int:
        """MAV_RESULT of arming or disarming; the reason of a refusal is said, not answered."""
        if not wanted:
            if not self.flight.on_ground:
                return FAILED
            self._disarm()
            return ACCEPTED
        if self.armed:
            return ACCEPTED
        reason = self._why_not_arm()
        if reason:
            self._say(2, f"Arm: {reason}")
            return FAILED
        self.armed = True
        self._armed_at_s = self._now_s
        self.home = self.flight.enu.copy()
        self._say(6, "Arming motors")
        return ACCEPTED

    def _why_not_ready(self) -> str:
        if self.mode == AUTO and len(self.transfers.lists[MISSION]) < 2:
            return "Mode requires mission"
        return "" if self.position_ready or self.mode == STABILIZE else "Need Position Estimate"

    def _why_not_arm(self) -> str:
        if self._now_s < 3.0:
            return "System not initialised"
        if self.mode == AUTO and len(self.transfers.lists[MISSION]) < 2:
            return "Mode requires mission"
        if self.mode not in _ARMABLE:
            names = {AUTO: "AUTO", RTL: "RTL", LAND: "LAND", BRAKE: "BRAKE"}
            return f"{names[self.mode]} mode not armable"
        return self._why_not_ready()

    def takeoff(self, height_m: float) -> int:
        """GUIDED take-off to a height above home."""
        if not self.armed or not self.flight.on_ground or self.mode != GUIDED or height_m <= 0:
            return FAILED
        self._takeoff_to = float(self.home[2]) + height_m
        return ACCEPTED

    def start_mission(self) -> int:
        """MISSION_START: changes to AUTO and, when armed, leaves."""
        if len(self.transfers.lists[MISSION]) < 2:
            return FAILED
        if self.transfers.lists[MISSION][1].command != 22 and self.flight.on_ground:
            self._say(4, "Mission: Missing Takeoff Cmd")
            return FAILED
        self.mode = AUTO
        self._landing = self._returning = False
        if self.armed:
            self._begin_mission()
        return ACCEPTED

    def reposition(self, enu: Floats) -> int:
        """DO_REPOSITION with the change of mode allowed."""
        if not self.armed or self.flight.on_ground:
            return DENIED
        self._enter(GUIDED)
        self._goal = enu
        return ACCEPTED

    def pause(self, wanted: bool) -> int:
        """DO_PAUSE_CONTINUE."""
        if self.mode != AUTO or self.flight.on_ground or self._takeoff_to is not None:
            if wanted:
                self._say(4, "Failed to pause")
            return FAILED
        self.mission_state = 4 if wanted else 3
        return ACCEPTED

    # --- flying -----------------------------------------------------------------------------------------------------

    def step(self, now_s: float, dt_s: float) -> None:
        """Fly for a moment."""
        self._now_s = now_s
        if self.transfers.changed != self._changed:
            self._changed = self.transfers.changed
            if self.flies_mission and self.mission_state == 3:
                self._say(6, "Auto mission changed, restarted command")
                self._restart()
        if not self.armed and now_s >= self._prearm_at_s:
            self._prearm_at_s = now_s + _PREARM_EVERY_S
            reason = self._why_not_ready()
            if reason:
                self._say(2, f"PreArm: {reason}")
        self._look_at_roi()
        self._shoot_by_distance()
        self.flight.target_velocity = self._velocity()
        self.flight.step(dt_s)
        if self.flight.on_ground and self.armed:
            landed = self._landing and self.flight.target_velocity[2] < 0
            waited = self._takeoff_to is None and now_s - self._armed_at_s > _AUTO_DISARM_S
            if landed or waited:
                self._disarm()

    def _disarm(self) -> None:
        if self.armed:
            self._say(6, "Disarming motors")
        self.armed = False
        self._landing = self._returning = False
        self._takeoff_to = None
        if self.mission_state == 3:
            self.mission_state = 5

    def _velocity(self) -> Floats:
        """The velocity that the mode wants, east-north-up m/s."""
        if not self.armed:
            return np.array([0.0, 0.0, -1.0])
        if self._takeoff_to is not None:
            return self._climb()
        if self.flight.on_ground:
            return np.array([0.0, 0.0, -1.0])
        if self._landing:
            return self._descend()
        if self._returning:
            return self._return()
        if self.mode == AUTO and self.mission_state == 3:
            return self._mission()
        if self.mode == GUIDED and self._goal is not None:
            return self._towards(self._goal, self.speed_m_s)
        return np.zeros(3)

    def _climb(self) -> Floats:
        assert self._takeoff_to is not None
        if self.flight.enu[2] >= self._takeoff_to - 0.5:
            self._takeoff_to = None
            if self.mode == AUTO:
                self._advance()
            else:
                self._goal = self.flight.enu.copy()
            return np.zeros(3)
        return np.array([0.0, 0.0, _CLIMB_M_S])

    def _descend(self) -> Floats:
        height = float(self.flight.enu[2]) - self.flight.ground_amsl_m
        return np.array([0.0, 0.0, -_SINK_M_S if height > 10 else -_FINAL_SINK_M_S])

    def _return(self) -> Floats:
        over_home = np.array([self.home[0], self.home[1], max(self.flight.enu[2], self.home[2] + _RTL_ALT_M)])
        if over_home[2] - self.flight.enu[2] > 1.0:  # up first, then home
            return np.array([0.0, 0.0, _CLIMB_M_S])
        if math.hypot(*(self.flight.enu - over_home)[:2]) < 1.0:
            self._landing = True
        return self._towards(over_home, self.speed_m_s)

    def _towards(self, goal: Floats, speed_m_s: float) -> Floats:
        way = goal - self.flight.enu
        flat = math.hypot(way[0], way[1])
        # v = √(2·a·s): the speed from which the vehicle still stops in time.
        along = min(speed_m_s, math.sqrt(2 * 1.5 * flat)) / flat if flat > 0.05 else 0.0
        climb = float(np.clip(way[2], -_SINK_M_S, _CLIMB_M_S))
        if flat > 4.0:
            self.flight.target_yaw = math.atan2(way[0], way[1])
        return np.array([way[0] * along, way[1] * along, climb])

    def _begin_mission(self) -> None:
        self.mission_state = 3
        self.current = 0
        self._jumped.clear()
        self._advance()

    def _advance(self) -> None:
        """To the next item that needs flying; DO_* items on the way are carried out at once."""
        items = self.transfers.lists[MISSION]
        while self.mission_state == 3:
            self.current += 1
            if self.current >= len(items):  # AUTO stays AUTO and holds, as the real one does
                self.mission_state, self.current = 5, max(0, len(items) - 1)
                return
            if self._take_up(items[self.current]):
                return

    def _take_up(self, item: Item) -> bool:
        """Begin an item; true when it has to be flown."""
        self._hold_until_s = self._circle = None
        self._land_at_goal = False
        if item.command == 22:
            self._say(6, f"Mission: {self.current} Takeoff")
            self._takeoff_to = float(self._altitude(item))
        elif item.command in (16, 17, 18, 19, 82):
            self._say(6, f"Mission: {self.current} WP")
            self._goal = self._place(item)
        elif item.command == 93:
            self._goal = self.flight.enu.copy()
        elif item.command == 20:
            self._say(6, f"Mission: {self.current} RTL")
            self._returning = True
        elif item.command == 21:
            self._say(6, f"Mission: {self.current} Land")
            self._land_at_goal = bool(item.x or item.y)
            self._landing = not self._land_at_goal
            if self._land_at_goal:
                self._goal = self._place(item)
                self._goal[2] = self.flight.enu[2]
        else:
            self._carry_out(item)
            return False
        return True

    def _carry_out(self, item: Item) -> None:
        p = item.params
        if item.command == 178 and p[1] > 0:
            self.speed_m_s = p[1]
        elif item.command == 1000:
            self._roi, self.gimbal_pitch_deg, self.gimbal_yaw_deg = None, p[0], p[1]
        elif item.command == 205:
            self._roi, self.gimbal_pitch_deg = None, p[0]
        elif item.command in (195, 201):
            self._roi = self._place(item)
        elif item.command == 197:
            self._roi = None
        elif item.command in (203, 2000):
            self.shoot()
        elif item.command == 206:
            self._trigger_m = p[0]
            if p[2] == 1 and p[0] > 0:
                self.shoot()
        elif item.command == 177 and self._jumped.get(self.current, 0) != round(p[1]):
            self._jumped[self.current] = self._jumped.get(self.current, 0) + 1
            self.current = round(p[0]) - 1

    def shoot(self) -> None:
        """One picture."""
        self.shots += 1
        self._shot_at = self.flight.enu.copy()

    def _shoot_by_distance(self) -> None:
        if 0 < self._trigger_m <= math.hypot(*(self.flight.enu - self._shot_at)[:2]):
            self.shoot()

    def point(self, pitch_deg: float, yaw_deg: float) -> None:
        """Point the gimbal, degrees, yaw from the nose; ends looking at a place."""
        self._roi = None
        self.gimbal_pitch_deg, self.gimbal_yaw_deg = max(-90.0, min(25.0, pitch_deg)), max(-180.0, min(180.0, yaw_deg))

    def look_at(self, enu: Floats | None) -> None:
        """Keep the gimbal on a place; None: leave it where it is."""
        self._roi = enu

    def _look_at_roi(self) -> None:
        if self._roi is None:
            return
        east, north, up = (float(value) for value in self._roi - self.flight.enu)
        yaw = math.atan2(east, north) - self.flight.yaw
        self.gimbal_yaw_deg = math.degrees((yaw + math.pi) % (2 * math.pi) - math.pi)
        self.gimbal_pitch_deg = max(-90.0, min(25.0, math.degrees(math.atan2(up, math.hypot(east, north)))))

    def _mission(self) -> Floats:
        items = self.transfers.lists[MISSION]
        if self._goal is None or self.current >= len(items):
            return np.zeros(3)
        if self._circle is not None:
            return self._around()
        if float(np.linalg.norm(self._goal - self.flight.enu)) < _REACHED_M:
            if self._hold_until_s is None:
                self._arrived(items[self.current])
                return self._velocity()
            if self._now_s >= self._hold_until_s:
                self._done()
                return self._velocity()
        return self._towards(self._goal, self.speed_m_s)

    def _arrived(self, item: Item) -> None:
        """At an item's place: hold, circle or sink."""
        hold_s = _FOR_EVER_S if item.command == 17 else item.params[0] if item.command in (16, 19, 93) else 0.0
        self._hold_until_s = self._now_s + hold_s
        if self._land_at_goal:
            self._land_at_goal, self._landing = False, True
        elif item.command == 18 and item.params[0] > 0:
            self._circle = (self._place(item), item.params[2] or 10.0, item.params[0])
            self._circled_rad, self._azimuth_rad = 0.0, math.nan

    def _done(self) -> None:
        self.reached = self.current
        self._say(6, f"Reached command #{self.current}")
        self._advance()

    def _around(self) -> Floats:
        """Once round a centre and again: outwards or inwards to the radius, along at the set speed."""
        assert self._circle is not None
        centre, signed, turns = self._circle
        radius, sense = abs(signed), math.copysign(1.0, signed)
        arm = (self.flight.enu - centre)[:2]
        distance = float(np.hypot(*arm))
        out = arm / distance if distance > 0.1 else np.array([1.0, 0.0])
        along = min(self.speed_m_s, math.sqrt(1.5 * radius))
        close = abs(distance - radius) < _REACHED_M
        azimuth = math.atan2(out[0], out[1])
        if close:
            turned = (azimuth - self._azimuth_rad + math.pi) % (2 * math.pi) - math.pi
            self._circled_rad += 0.0 if math.isnan(turned) else sense * turned
            self._azimuth_rad = azimuth
        if self._circled_rad >= 2 * math.pi * turns:
            self._circle = None
            self._done()
            return self._velocity()
        tangent = sense * np.array([out[1], -out[0]])
        flat = (radius - distance) * 0.8 * out + (along * tangent if close else 0.0)
        self.flight.target_yaw = math.atan2(-out[0], -out[1])
        climb = float(np.clip(centre[2] - self.flight.enu[2], -_SINK_M_S, _CLIMB_M_S))
        return np.array([*np.clip(flat, -self.speed_m_s, self.speed_m_s), climb])

    def _altitude(self, item: Item) -> float:
        """Metres above sea level. A terrain height is taken above home: the simulated terrain data is flat."""
        return item.z if item.frame == 0 else float(self.home[2]) + item.z

    def _place(self, item: Item) -> Floats:
        enu = self.plane.enu(item.lat_deg, item.lon_deg, self.plane.alt_m)
        return np.array([enu[0], enu[1], self._altitude(item)])
