"""One drone of a world in memory: vehicle, gimbal, camera, ADS-B receiver, and the radio to the ground station.

The same machines that ``endpoints`` runs as processes, wired by method calls. What the scenario does to a drone while
it flies is its ``Fate``, here and there.
"""

from __future__ import annotations

from simulators.aircraft import Receiver, aircraft_of
from simulators.autopilot.boot import SHORT
from simulators.autopilot.core import Autopilot
from simulators.camera import Camera, Shot, Truth
from simulators.camera_options import ORDINARY
from simulators.channel import PERFECT, Quality, Radio
from simulators.fire import Scene
from simulators.geodesy import Plane
from simulators.gimbal import Gimbal
from simulators.scenario import Scenario
from simulators.thermal import Renderer
from simulators.truths import Truths

# 2026-03-14 21:00 UTC: a rehearsal has no clock of its own.
REHEARSAL_EPOCH_S = 1_773_522_000.0
_ADSB = "device adsb"


def home_en_m(scenario: Scenario, sysid: int = 1) -> tuple[float, float]:
    """Where a drone stands: beside the area, on open ground, the second one four metres from the first."""
    return -scenario.survey_m[0] / 2 - 12.0, -scenario.survey_m[1] / 2 - 8.0 + 4.0 * (sysid - 1)


class Radios:
    """How good the radio is: as ``up`` (from the ground) and ``down`` say, else as the scenario does."""

    def __init__(self, scenario: Scenario, up: Quality | None, down: Quality | None) -> None:
        told = scenario.radio or PERFECT
        self.up, self.down = up or told, down or told


class Craft:
    """One drone over a scene. ``step`` it; bytes and frames wait until they are taken."""

    def __init__(self, scene: Scene, renderer: Renderer, radios: Radios, seed: int, sysid: int) -> None:
        scenario = scene.scenario
        start = home_en_m(scenario, sysid)
        others = 1000 * (sysid - 1)
        self.sysid = sysid
        self.autopilot = Autopilot(
            scene.plane,
            scene.height_at(*start),
            seed=seed,
            wind_m_s=scenario.wind_m_s,
            utc_at_boot_s=REHEARSAL_EPOCH_S,
            start_en_m=start,
            sysid=sysid,
            uid=seed + 1 + others,
            boot=SHORT,
        )
        self.autopilot.add_link("ground")
        self.autopilot.add_link("device gimbal")
        self.gimbal = Gimbal(seed, sysid=sysid)
        self.camera = Camera(renderer, seed, sysid=sysid, options=scenario.camera or ORDINARY)
        self._fate = Fate(scenario, scene.plane, self.autopilot)
        self.radio = Radio(radios.up, radios.down, seed + others)
        self.looking = True
        """Whether its camera exposes; a rehearsal has no use for pictures of the grass under it."""
        self._shots: list[Shot] = []

    @property
    def now_s(self) -> float:
        """Boot time of the vehicle, seconds."""
        return self.autopilot.now_s

    @property
    def uid(self) -> int | None:
        """The token by which the ground side knows its own drone."""
        return self.autopilot.uid

    @property
    def airborne(self) -> bool:
        """Whether it is off the ground."""
        return not self.autopilot.pilot.flight.on_ground

    def step(self, until_s: float, truths: Truths, *, with_frames: bool) -> None:
        """One step of all its parts, up to a boot time."""
        self.autopilot.step(until_s)
        self._fate.befall()
        now_s = self.now_s
        for frame in self.autopilot.take_outgoing("ground"):
            self.radio.down.push(frame, now_s)
        for frame in self.radio.up.pull(now_s):
            self.autopilot.receive(frame, link="ground")
        for frame in self.autopilot.take_outgoing("device gimbal"):
            self.gimbal.receive(frame)
        self.gimbal.step(now_s)
        for frame in self.gimbal.take_outgoing():
            self.autopilot.receive(frame, link="device gimbal")
        utc_s = self.autopilot.utc_at_boot_s + now_s
        truths.log(self.sysid, utc_s, self.autopilot.pilot.mode, airborne=self.airborne)
        if with_frames and self.looking:
            self._look(truths)

    def _look(self, truths: Truths) -> None:
        flight = self.autopilot.pilot.flight
        e, n, u = (float(value) for value in flight.enu)
        self.camera.tell_truth(Truth(self.now_s, (e, n, u), flight.yaw))
        self.camera.tell_mount(self.now_s, self.gimbal.true_in_vehicle())
        shot = self.camera.expose(catch_up=False)
        if shot is not None:
            truths.add(shot, self.autopilot.utc_at_boot_s + shot.exposed_s)
            self._shots.append(shot)

    def take_shots(self) -> tuple[Shot, ...]:
        """Camera frames since the last call."""
        shots, self._shots = tuple(self._shots), []
        return shots


class Fate:
    """What a scenario does to one drone while it flies: aircraft come by, its receiver loses the fix.

    The fix is lost by ArduPilot's own SIM_GPS1_ENABLE, pulled once at each edge: others may pull it too.
    """

    def __init__(self, scenario: Scenario, plane: Plane, autopilot: Autopilot) -> None:
        self._autopilot, self._gnss = autopilot, scenario.gnss
        self._lost = False
        aircraft = aircraft_of(scenario.traffic, scenario.ground_amsl_m)
        self._receiver = Receiver(plane, aircraft, sysid=autopilot.sysid) if aircraft else None
        if self._receiver is not None:
            autopilot.add_link(_ADSB)

    def befall(self) -> None:
        """As the time of the vehicle demands."""
        vehicle = self._autopilot
        if self._gnss is not None and self._gnss.lost(vehicle.now_s) != self._lost:
            self._lost = not self._lost
            vehicle.parameters.values["SIM_GPS1_ENABLE"] = 0.0 if self._lost else 1.0
        if self._receiver is not None:
            vehicle.take_outgoing(_ADSB)  # it does not listen
            self._receiver.step(vehicle.now_s, vehicle.pilot.flight.enu)
            for frame in self._receiver.take_outgoing():
                vehicle.receive(frame, link=_ADSB)
