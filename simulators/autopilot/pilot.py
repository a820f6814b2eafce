"""Who flies: modes, arming, take-off, landing, and which velocity the mode wants.

Its rooms: ``modes`` (what there is), ``arming`` (why not), ``mission_run`` (AUTO), ``guided``, ``homeward`` (RTL,
SMART_RTL), ``heading``, ``contact`` (take-off and landing), ``sticks``, ``payload``, ``gnss``. It refuses what
ArduCopter refuses, in its words, and flies what it was told; texts and times are those measured on ArduCopter 4.7 in
SITL. Modes in which the hands tilt the vehicle (STABILIZE, ACRO) are flown like ALT_HOLD.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from simulators.autopilot import arming, settings
from simulators.autopilot.boot import MEASURED, Boot
from simulators.autopilot.contact import Contact
from simulators.autopilot.gnss import Gnss
from simulators.autopilot.guided import Guided
from simulators.autopilot.heading import Heading
from simulators.autopilot.homeward import Return, Trail
from simulators.autopilot.mission_run import ACTIVE, NO_MISSION, PAUSED, MissionRun
from simulators.autopilot.modes import (
    AUTO,
    AUTO_RTL,
    CIRCLE,
    GUIDED,
    LAND,
    LOITER,
    MODES,
    RTL,
    SMART_RTL,
    STABILIZE,
    THROW,
)
from simulators.autopilot.payload import Payload
from simulators.autopilot.settings import Values
from simulators.autopilot.steering import Circle, Speeds, descend, rise, stopping_point, towards
from simulators.autopilot.sticks import Sticks
from simulators.autopilot.transfers import Transfers
from simulators.flight import Errors, Flight
from simulators.geodesy import Floats, Plane

__all__ = ["AUTO", "GUIDED", "LAND", "LOITER", "RTL", "STABILIZE", "STEP_S", "Pilot"]

ACCEPTED, DENIED, UNSUPPORTED, FAILED = 0, 2, 3, 4
ON_GROUND, IN_AIR, TAKING_OFF, LANDING = 1, 2, 3, 4

_AUTO_TAKES_OFF = 2
_PREARM_EVERY_S = 30.0
_PAUSE_BEFORE_LANDING_S = 4.0
_CIRCLES_FOR_EVER = 1e9
_STICK_YAW_LEAD_S = 0.3
_TOP_M, _TOP_SHARE = 0.3, 0.1
_DOWN, _FALLING = np.array([0.0, 0.0, -1.0]), np.array([0.0, 0.0, -10.0])
# The vehicle's own step, simulated seconds.
STEP_S = 0.02

Say = Callable[[int, str], None]


class Pilot:
    """Flies one vehicle. ``home`` (3,) east-north-up metres, set again at arming; ``values`` the parameters by name."""

    def __init__(
        self,
        flight: Flight,
        plane: Plane,
        transfers: Transfers,
        say: Say,
        values: Values | None = None,
        gnss: Gnss | None = None,
        boot: Boot = MEASURED,
    ) -> None:
        self.boot = boot
        self.flight, self.plane, self.transfers, self.say = flight, plane, transfers, say
        self.values: Values = settings.defaults() if values is None else values
        rng = np.random.default_rng(0)
        self.gnss = Gnss(self.values, Errors.draw(rng), rng, boot) if gnss is None else gnss
        self.payload = Payload(flight)
        self.sticks = Sticks(self.values)
        self.heading = Heading(flight)
        self.contact = Contact()
        self.guided = Guided(self)
        self.mission = MissionRun(self)
        self.transfers.cleared = self.mission.clear
        self.trail = Trail()
        self.worries: Callable[[], list[str]] = list
        """More reasons not to arm, from the failsafes and the battery."""
        self.allows: Callable[[float, float], bool] = lambda east_m, north_m: True
        """Whether the fence lets a place be a target."""
        self.entered: Callable[[], None] = lambda: None
        """Told of every change of the mode."""
        self.terrain_rise: Callable[[float, float], float] = lambda east_m, north_m: 0.0
        """Metres by which the ground at a place is above the ground at home, as far as the vehicle knows."""
        self.mode = STABILIZE
        self.armed = False
        self.home = flight.enu.copy()
        self.armed_yaw = flight.yaw
        self.speeds = Speeds.of(self.values)
        self.now_s = 0.0
        self._takeoff_to: float | None = None
        self._hold: Floats | None = None
        self._circle: Circle | None = None
        self._return: Return | None = None
        self._land_from_s = 0.0
        self._begun = self._waits = self._paused = False
        self._idle_since_s = 0.0
        self._changed, self._prearm_at_s = 0, _PREARM_EVERY_S

    # --- what it is doing -------------------------------------------------------------------------------------------

    @property
    def position_ready(self) -> bool:
        """Whether the estimator has a position: some time after boot, not long after the fix is lost."""
        return self.gnss.position

    @property
    def flying(self) -> bool:
        """Armed and off the ground."""
        return self.armed and not self.flight.on_ground

    @property
    def landed(self) -> bool:
        """Whether it stands, as far as it knows."""
        return self.contact.landed

    @property
    def stopped(self) -> bool:
        """Whether it has landed and the motors idle."""
        return self.contact.stopped

    @property
    def landed_state(self) -> int:
        """MAV_LANDED_STATE."""
        if self.landed:
            return ON_GROUND
        if self.is_landing:
            return LANDING
        return TAKING_OFF if self._climbing_to is not None else IN_AIR

    @property
    def is_landing(self) -> bool:
        """Whether it is on its last way down."""
        if self.mode == LAND or (self._return is not None and self._return.landing):
            return True
        return self.mode == AUTO and self.mission.is_landing

    @property
    def flies_mission(self) -> bool:
        """Whether AUTO flies the mission now; it cannot be cleared then."""
        return self.armed and self.mode == AUTO and self.mission.state == ACTIVE

    @property
    def goal(self) -> Floats | None:
        """Where it flies to, (3,) east-north-up, in GUIDED and AUTO."""
        if not self.flying or self.mode not in (GUIDED, AUTO):
            return None
        return self.guided.goal if self.mode == GUIDED else self.mission.legs.goal

    @property
    def takes_targets(self) -> bool:
        """Whether SET_POSITION_TARGET_* counts: in GUIDED, and in AUTO where an item says so."""
        return self.mode == GUIDED or (self.mode == AUTO and self.mission.legs.guided)

    @property
    def current(self) -> int:
        """The number of the current mission item."""
        return self.mission.current

    @property
    def reached(self) -> int | None:
        """The number of the item that was done last."""
        return self.mission.reached

    @property
    def mission_state(self) -> int:
        """MISSION_STATE."""
        if not self.mission.present:
            return NO_MISSION
        return PAUSED if self._paused else self.mission.state

    @property
    def speed_m_s(self) -> float:
        """How fast it flies over ground where nothing slows it."""
        return self.speeds.flat

    @property
    def gimbal_pitch_deg(self) -> float:
        """Where the gimbal is told to point."""
        return self.payload.mount.pitch_deg

    @property
    def gimbal_yaw_deg(self) -> float:
        """Where the gimbal is told to point, from the nose."""
        return self.payload.mount.from_nose_deg

    @property
    def shots(self) -> int:
        """Pictures taken."""
        return self.payload.shots

    def shoot(self) -> None:
        """One picture."""
        self.payload.shoot()

    def point(self, pitch_deg: float, yaw_deg: float) -> None:
        """Point the gimbal, degrees, yaw from the nose; ends looking at a place."""
        self.payload.point(pitch_deg, yaw_deg)

    def look_at(self, enu: Floats | None) -> None:
        """Keep the gimbal on a place; None: leave it where it is."""
        self.payload.look_at(enu)

    # --- modes ------------------------------------------------------------------------------------------------------

    def set_mode(self, number: int) -> int:
        """MAV_RESULT of a mode change; the words of a refusal are said."""
        if number == self.mode:
            return ACCEPTED
        if number == AUTO_RTL:
            self.say(4, "Unable to start landing sequence")
            return self._refuse("AUTO RTL", "No return path or landing sequence found")
        mode = MODES.get(number)
        if mode is None:
            self.say(4, f"No such mode {number}")
            return FAILED
        if self.armed and mode.position and not self.position_ready:
            return self._refuse(mode.name, "requires position")
        if mode.refusal:
            self.say(4, mode.refusal)
        if mode.refuses or not self._can_enter(number):
            return self._refuse(mode.name, "init failed")
        self._enter(number)
        return ACCEPTED

    def _refuse(self, name: str, reason: str) -> int:
        self.say(4, f"Mode change to {name} failed: {reason}")
        return FAILED

    def _can_enter(self, number: int) -> bool:
        if not self.armed:
            return True
        if number == AUTO:
            if not self.mission.present:
                return False
            if self.landed and not self.mission.starts_with_takeoff:
                self.say(2, "Auto: Missing Takeoff Cmd")
                return False
        return number != THROW and (number != SMART_RTL or self.trail.good)

    def _enter(self, number: int) -> None:
        self.mission.stop()
        self.mode = number
        self.heading.default()
        self.speeds = Speeds.of(self.values)
        self._hold = self._circle = self._return = self._takeoff_to = None
        self._land_from_s, self._paused = 0.0, False
        self._begun = self._begun and not self.landed
        self._waits = number == AUTO
        self.guided.stop()
        self.entered()
        if not self.flying:
            return
        self._hold = stopping_point(self.flight, self.speeds)
        if number == RTL:
            self._return = Return(self)
        elif number == SMART_RTL:
            self._return = Return(self, self.trail.path())
        elif number == CIRCLE:
            self._circle = self._circle_ahead()

    def _circle_ahead(self) -> Circle:
        radius = max(1.0, self.values["CIRCLE_RADIUS"] / 100)
        ahead = np.array([math.sin(self.flight.yaw), math.cos(self.flight.yaw), 0.0]) * radius
        return Circle(self.flight.enu + ahead, math.copysign(radius, self.values["CIRCLE_RATE"]), _CIRCLES_FOR_EVER)

    def land_with_pause(self) -> None:
        """LAND as a failsafe orders it: it stands still for four seconds first."""
        self.set_mode(LAND)
        self._land_from_s = self.now_s + _PAUSE_BEFORE_LANDING_S

    # --- orders -----------------------------------------------------------------------------------------------------

    def set_current(self, seq: int, *, reset: bool = False) -> int:
        """MAV_RESULT of making an item the current one; ``reset``: jumps count anew, and it runs."""
        if not 0 <= seq < len(self.mission.items):
            return DENIED
        if reset:
            self.mission.reset()
        if not self.mission.set_current(seq):
            return FAILED
        if reset:
            self.mission.start_or_resume()
        return ACCEPTED

    def arm(self, wanted: bool, *, magic: int = 0) -> int:
        """MAV_RESULT of arming or disarming; the reason of a refusal is said, not answered. ``magic`` is param2."""
        if not wanted:
            if not self.landed and magic != arming.FORCE_DISARM:
                return FAILED
            self.disarm()
            return ACCEPTED
        if self.armed:
            return ACCEPTED
        forced = magic in arming.FORCE_ARM
        reasons = arming.mandatory(self) if forced else self._why_not_arm()
        if forced and reasons and not self.gnss.ever:
            reasons += arming.before(self)
        if reasons:
            for reason in reasons:
                self.say(2, f"Arm: {reason}")
            return FAILED
        self.armed = True
        self._begun = False
        self._idle_since_s = self.now_s
        self.contact.arm()
        self.home = self.flight.enu.copy()
        self.armed_yaw = self.flight.yaw
        self.trail.begin(self)
        if not int(self.values["ARMING_CHECK"]):
            self.say(4, "Warning: Arming Checks Disabled")
        self.say(6, "Arming motors")
        return ACCEPTED

    def _why_not_arm(self) -> list[str]:
        return arming.before(self) or arming.at_arming(self)

    @property
    def prearm_ok(self) -> bool:
        """Whether SYS_STATUS shows its PREARM bit."""
        return self.armed or not arming.before(self)

    def disarm(self) -> None:
        """Motors off, in the air as well."""
        if self.armed:
            self.say(6, "Disarming motors")
        self.armed = self._begun = False
        self._return = self._takeoff_to = None
        self.mission.reset()

    def takeoff(self, height_m: float) -> int:
        """NAV_TAKEOFF to a height above home."""
        if not self.armed or not self.landed or not MODES[self.mode].user_takeoff or height_m <= 0:
            return FAILED
        self._takeoff_to, self._begun = float(self.home[2]) + height_m, True
        return ACCEPTED

    def end_takeoff(self) -> None:
        """Another order takes its place."""
        self._takeoff_to = None

    def start_mission(self) -> int:
        """MISSION_START: changes to AUTO and, when armed, leaves."""
        if self.set_mode(AUTO) != ACCEPTED:
            return FAILED
        self._begun = self.armed
        if self.mission.state != ACTIVE:
            self.mission.start_or_resume()
        return ACCEPTED

    def reposition(self, enu: Floats) -> int:
        """DO_REPOSITION with the change of mode allowed."""
        if self.mode != GUIDED and self.set_mode(GUIDED) != ACCEPTED:
            return FAILED
        self.end_takeoff()
        self.guided.go(enu)
        return ACCEPTED

    def pause(self, wanted: bool) -> int:
        """DO_PAUSE_CONTINUE: GUIDED always, AUTO on its way to a place; going on is refused nowhere there."""
        if self.mode == GUIDED:
            self.guided.paused = wanted
            return ACCEPTED
        if self.mode != AUTO or (wanted and not (self.mission.legs.to_a_place and not self.landed)):
            self.say(6, "Failed to pause" if wanted else "Failed to resume")
            return FAILED
        self._paused = wanted
        return ACCEPTED

    def change_speed(self, kind: int, speed_m_s: float) -> int:
        """DO_CHANGE_SPEED: 0 and 1 over ground, 2 climb, 3 descent; it lasts until the mode changes."""
        if not speed_m_s > 0:
            return DENIED
        if kind in (0, 1):
            self.speeds.flat = max(0.2, speed_m_s)
        elif kind == 2:
            self.speeds.up = speed_m_s
        elif kind == 3:
            self.speeds.down = speed_m_s
        else:
            return FAILED
        return ACCEPTED

    def turn(self, heading_deg: float, rate_deg_s: float, sense: float, relative: float) -> int:
        """MAV_RESULT of CONDITION_YAW: to a heading, or by an angle in a sense; held until another order."""
        if not 0 <= heading_deg <= 360 or relative not in (0, 1):
            return FAILED
        self.heading.fix(math.radians(heading_deg), math.radians(rate_deg_s), sense, relative=relative > 0)
        return ACCEPTED

    # --- flying -----------------------------------------------------------------------------------------------------

    def step(self, now_s: float, dt_s: float) -> None:
        """Fly for a moment."""
        self.now_s = now_s
        self.gnss.step(now_s)
        self.sticks.step(now_s)
        self._watch_mission()
        self._repeat_worries()
        self.payload.step()
        self.heading.step(dt_s)
        wanted = self._velocity()
        if self.flight.on_ground and not self.contact.lifts(self.armed and float(wanted[2]) > 0):
            wanted = _DOWN
        self.flight.target_velocity = wanted
        self.flight.level = self.flying and not self.position_ready
        self.flight.step(dt_s)
        self.contact.step(now_s, armed=self.armed, on_ground=self.flight.on_ground)
        self._watch_ground()
        self.trail.watch(self)

    def _watch_mission(self) -> None:
        changed, self._changed = self.transfers.changed != self._changed, self.transfers.changed
        if self.mode != AUTO:
            return
        if self._waits:
            if self.gnss.origin:  # not before it knows where it is
                self._waits = False
                self.mission.start_or_resume()
            return
        if changed:
            self.mission.changed()
        self.mission.update()

    def _repeat_worries(self) -> None:
        if self.armed or self.now_s < self._prearm_at_s:
            return
        self._prearm_at_s = self.now_s + _PREARM_EVERY_S
        for reason in arming.before(self):
            self.say(2, f"PreArm: {reason}")

    def _watch_ground(self) -> None:
        if not self.armed or not self.landed or self._climbing_to is not None or not self.sticks.throttle_low:
            self._idle_since_s = self.now_s
            return
        over = self.is_landing and self.mode != AUTO and self.stopped and self.now_s >= self._land_from_s
        if over or 0 < self.values["DISARM_DELAY"] < self.now_s - self._idle_since_s:
            self.disarm()

    @property
    def _climbing_to(self) -> float | None:
        """The height of the take-off under way."""
        if self.mode != AUTO:
            return self._takeoff_to
        leaves = self._begun or not self.landed or bool(int(self.values["AUTO_OPTIONS"]) & _AUTO_TAKES_OFF)
        return self.mission.takeoff_to if leaves else None

    def _velocity(self) -> Floats:
        """The velocity that the mode wants, east-north-up m/s."""
        if not self.armed:
            return _DOWN if self.flight.on_ground else _FALLING
        if self.mode != AUTO and self._takeoff_to is not None:
            return self._climb(self._takeoff_to)
        if self.landed and self._climbing_to is None and not (MODES[self.mode].sticks and self.sticks.climb_m_s > 0):
            return _DOWN
        return self._fly()

    def _fly(self) -> Floats:
        if self.mode == LAND:
            return np.zeros(3) if self.now_s < self._land_from_s else descend(self.flight, self.values)
        if self._return is not None:
            return self._return.velocity()
        if self._circle is not None:
            return self._circle.velocity(self.flight, self.speeds, self.values["WPNAV_RADIUS"] / 100)
        if self.mode == AUTO:
            return np.zeros(3) if self._paused else self.mission.velocity()
        if self.mode == GUIDED:
            return self.guided.velocity()
        if MODES[self.mode].sticks:
            return self._by_hand()
        return np.zeros(3) if self._hold is None else towards(self.flight, self._hold, self.speeds, turn=False)

    def _by_hand(self) -> Floats:
        forward, right = self.sticks.tilt()
        speed, yaw = self.values["LOIT_SPEED"] / 100, self.flight.yaw
        if self.sticks.turn_rad_s:
            self.flight.target_yaw = yaw + self.sticks.turn_rad_s * _STICK_YAW_LEAD_S
        east = forward * math.sin(yaw) + right * math.cos(yaw)
        north = forward * math.cos(yaw) - right * math.sin(yaw)
        return np.array([east * speed, north * speed, self.sticks.climb_m_s])

    def _climb(self, to_m: float) -> Floats:
        left_m = to_m - float(self.flight.enu[2])
        if left_m < _TOP_M and not self.landed and abs(float(self.flight.velocity[2])) < _TOP_SHARE * self.speeds.up:
            self._takeoff_to = None
            self.guided.keep(np.array([self.flight.enu[0], self.flight.enu[1], to_m]))
            return self._fly()
        return np.array([0.0, 0.0, rise(left_m, self.speeds)])
