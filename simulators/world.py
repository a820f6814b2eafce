"""The whole world in memory, stepped in simulated time: the same machines that ``endpoints`` runs as processes.

``step`` moves all drones together; bytes for the ground come out of ``take_outgoing``, frames out of ``take_shots``.
The truth leaves only through ``Truths``, which goes to the score and nowhere else.
"""

from __future__ import annotations

from simulators.aircraft import aircraft_of
from simulators.autopilot.core import Autopilot
from simulators.autopilot.pilot import STEP_S
from simulators.camera import Camera, Shot
from simulators.channel import Quality, Radio
from simulators.craft import REHEARSAL_EPOCH_S, Craft, Radios, home_en_m
from simulators.fire import Scene, build
from simulators.gimbal import Gimbal
from simulators.scenario import Scenario
from simulators.thermal import Renderer
from simulators.truths import truths_of

__all__ = ["REHEARSAL_EPOCH_S", "World", "home_en_m"]

_WATCH_EVERY_S = 0.2


class World:
    """The drones of a scenario over one scene, each heard over a radio of its own.

    It is as good as ``up`` (from the ground) and ``down`` (to it) say; where they say nothing, as the scenario does.
    ``autopilot gimbal camera radio`` are those of the first drone.
    """

    def __init__(
        self, scenario: Scenario, seed: int, *, up: Quality | None = None, down: Quality | None = None
    ) -> None:
        self.scene: Scene = build(scenario, seed)
        aircraft = aircraft_of(scenario.traffic, scenario.ground_amsl_m)
        renderer, radios = Renderer(self.scene), Radios(scenario, up, down)
        self.crafts = tuple(
            Craft(self.scene, renderer, radios, seed, sysid) for sysid in range(1, scenario.vehicles + 1)
        )
        self.truths = truths_of(self.scene, aircraft, REHEARSAL_EPOCH_S)
        self._watched_s = 0.0

    @property
    def now_s(self) -> float:
        """Boot time of the vehicles, seconds: they are switched on together."""
        return self.crafts[0].now_s

    @property
    def utc_at_boot_s(self) -> float:
        """UTC when they were switched on."""
        return REHEARSAL_EPOCH_S

    @property
    def autopilot(self) -> Autopilot:
        """Of the first drone."""
        return self.crafts[0].autopilot

    @property
    def gimbal(self) -> Gimbal:
        """Of the first drone."""
        return self.crafts[0].gimbal

    @property
    def camera(self) -> Camera:
        """Of the first drone."""
        return self.crafts[0].camera

    @property
    def radio(self) -> Radio:
        """Of the first drone."""
        return self.crafts[0].radio

    def step(self, until_s: float, *, with_frames: bool = True) -> None:
        """Let the world run until a boot time."""
        while self.now_s + STEP_S <= until_s + 1e-9:
            next_s = self.now_s + STEP_S
            for craft in self.crafts:
                craft.step(next_s, self.truths, with_frames=with_frames)
            if self.now_s - self._watched_s >= _WATCH_EVERY_S - 1e-9:
                self._watched_s = self.now_s
                flying = [craft.autopilot.pilot.flight.enu for craft in self.crafts if craft.airborne]
                self.truths.fly_by(flying, self.now_s)

    def receive(self, data: bytes, *, sysid: int = 1) -> None:
        """Bytes from the ground station to a drone; they reach it with the next step, if the radio lets them."""
        self.crafts[sysid - 1].radio.up.push(data, self.now_s)

    def take_outgoing(self, *, sysid: int = 1) -> tuple[bytes, ...]:
        """What has arrived at the ground station from a drone."""
        return self.crafts[sysid - 1].radio.down.pull(self.now_s)

    def take_shots(self, *, sysid: int = 1) -> tuple[Shot, ...]:
        """A drone's camera frames since the last call."""
        return self.crafts[sysid - 1].take_shots()
