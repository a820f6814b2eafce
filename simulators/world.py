"""The whole world in memory, stepped in simulated time: the same machines that ``endpoints`` runs as processes.

``step`` moves vehicle, gimbal and camera together; bytes for the ground come out of ``take_outgoing``, frames out of
``take_shots``. The truth leaves only through ``Truths``, which goes to the score and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from simulators.autopilot.core import Autopilot
from simulators.autopilot.pilot import STEP_S
from simulators.camera import Camera, Shot, Truth
from simulators.channel import PERFECT, Quality, Radio
from simulators.fire import Fire, Scene, build
from simulators.gimbal import Gimbal
from simulators.scenario import Scenario
from simulators.thermal import Renderer

# 2026-03-14 21:00 UTC: a rehearsal has no clock of its own.
REHEARSAL_EPOCH_S = 1_773_522_000.0


@dataclass(slots=True)
class Truths:
    """What was really there, for the score: fires, and when each was first wholly in view and how large."""

    fires: tuple[Fire, ...]
    first_in_view_s: dict[int, float] = field(default_factory=dict)
    largest_px: dict[int, float] = field(default_factory=dict)
    frames: int = 0

    def add(self, shot: Shot, utc_s: float) -> None:
        """One exposed frame."""
        self.frames += 1
        for view in shot.in_view:
            self.largest_px[view.number] = max(self.largest_px.get(view.number, 0.0), view.diameter_px)
            if view.diameter_px >= 3.0:
                self.first_in_view_s.setdefault(view.number, utc_s)


class World:
    """One vehicle over one scene, heard over a radio.

    It is as good as ``up`` (from the ground) and ``down`` (to it) say; where they say nothing, as the scenario does.
    """

    def __init__(
        self, scenario: Scenario, seed: int, *, up: Quality | None = None, down: Quality | None = None
    ) -> None:
        self.scene: Scene = build(scenario, seed)
        plane = self.scene.plane
        start = home_en_m(scenario)
        ground = self.scene.height_at(*start)
        self.autopilot = Autopilot(
            plane,
            ground,
            seed=seed,
            wind_m_s=scenario.wind_m_s,
            utc_at_boot_s=REHEARSAL_EPOCH_S,
            start_en_m=start,
            uid=seed + 1,
        )
        self.autopilot.add_link("ground")
        self.autopilot.add_link("device gimbal")
        self.gimbal = Gimbal(seed)
        self.camera = Camera(Renderer(self.scene), seed)
        self.truths = Truths(self.scene.fires)
        told = scenario.radio or PERFECT
        self.radio = Radio(up or told, down or told, seed)
        self.up, self.down = self.radio.up, self.radio.down
        self._shots: list[Shot] = []

    @property
    def now_s(self) -> float:
        """Boot time of the vehicle, seconds."""
        return self.autopilot.now_s

    def step(self, until_s: float, *, with_frames: bool = True) -> None:
        """Let the world run until a boot time."""
        while self.now_s + STEP_S <= until_s + 1e-9:
            self.autopilot.step(self.now_s + STEP_S)
            for frame in self.autopilot.take_outgoing("ground"):
                self.down.push(frame, self.now_s)
            for frame in self.up.pull(self.now_s):
                self.autopilot.receive(frame, link="ground")
            for frame in self.autopilot.take_outgoing("device gimbal"):
                self.gimbal.receive(frame)
            self.gimbal.step(self.now_s)
            for frame in self.gimbal.take_outgoing():
                self.autopilot.receive(frame, link="device gimbal")
            if with_frames:
                self._look()

    def _look(self) -> None:
        flight = self.autopilot.pilot.flight
        e, n, u = (float(value) for value in flight.enu)
        self.camera.tell_truth(Truth(self.now_s, (e, n, u), flight.yaw))
        self.camera.tell_mount(self.now_s, self.gimbal.true_in_vehicle())
        shot = self.camera.expose(catch_up=False)
        if shot is not None:
            self.truths.add(shot, self.autopilot.utc_at_boot_s + shot.boot_s)
            self._shots.append(shot)

    def receive(self, data: bytes) -> None:
        """Bytes from the ground station; they reach the vehicle with the next step, if the radio lets them."""
        self.up.push(data, self.now_s)

    def take_outgoing(self) -> tuple[bytes, ...]:
        """What has arrived at the ground station."""
        return self.down.pull(self.now_s)

    def take_shots(self) -> tuple[Shot, ...]:
        """Camera frames since the last call."""
        shots, self._shots = tuple(self._shots), []
        return shots


def home_en_m(scenario: Scenario, sysid: int = 1) -> tuple[float, float]:
    """Where a drone stands: beside the area, on open ground, the second one four metres from the first."""
    return -scenario.survey_m[0] / 2 - 12.0, -scenario.survey_m[1] / 2 - 8.0 + 4.0 * (sysid - 1)
