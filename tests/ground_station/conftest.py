"""A ground station and a simulated autopilot meet over bytes, in simulated time, through a channel that may lose."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest

from ground_station.operation import Operation, Outcome
from ground_station.station import Station
from ground_station.vehicle import Vehicle
from ground_station.wire import Message, Parser, Received
from missions.checks import CheckedMission, check
from missions.geometry.geo import Datum, GeoPoint, offset
from missions.mission import FlyTo, Mission, ReturnHome, TakeOff
from simulators.autopilot.boot import SHORT
from simulators.autopilot.core import Autopilot
from simulators.camera_component import CameraComponent, Stream
from simulators.geodesy import Plane
from simulators.gimbal import Gimbal
from simulators.thermal import PROFILE

HOME = GeoPoint(51.4344, 6.7623, 33.0, Datum.SEA_LEVEL)
EPOCH_S = 1_773_522_000.0
STEP_S = 0.02

Keep = Callable[[Received], bool]


class Rig:
    """``loss``: share of frames either direction loses. ``up``, ``down``: filters a test may set; false loses it.

    ``payload``: with a camera and a gimbal on wires of their own, ``camera`` and ``gimbal``.
    """

    def __init__(self, seed: int = 1, loss: float = 0.0, *, payload: bool = False) -> None:
        self.autopilot = Autopilot(
            Plane(HOME.lat_deg, HOME.lon_deg, HOME.alt_m),
            HOME.alt_m,
            seed=seed,
            wind_m_s=0.0,
            utc_at_boot_s=EPOCH_S,
            boot=SHORT,
        )
        self.autopilot.add_link("ground")
        self.devices: dict[str, CameraComponent | Gimbal] = {}
        if payload:
            self.camera, self.gimbal = CameraComponent(PROFILE, 10.0), Gimbal(seed)
            self.camera.streams = (Stream("rtsp://10.0.0.9:8554/thermal", True), Stream("tcp://10.0.0.9:5600", False))
            self.devices = {"device camera": self.camera, "device gimbal": self.gimbal}
        for name in self.devices:
            self.autopilot.add_link(name)
        self.station = Station()
        self.loss = loss
        self.up: Keep = lambda received: True
        self.down: Keep = lambda received: True
        self.sent: list[tuple[float, Message]] = []
        self.now_s = 0.0
        self._rng = random.Random(seed)
        self._parsers = {"up": Parser(), "down": Parser()}

    def _passes(self, direction: str, data: bytes) -> bool:
        messages = self._parsers[direction].feed(data)
        if direction == "up":
            self.sent += [(self.now_s, received.message) for received in messages]
        keep = self.up if direction == "up" else self.down
        return all(keep(received) for received in messages) and self._rng.random() >= self.loss

    def step(self) -> None:
        self.now_s = round(self.now_s + STEP_S, 6)
        self.autopilot.step(self.now_s)
        self._step_devices()
        for data in self.autopilot.take_outgoing("ground"):
            if self._passes("down", data):
                self.station.receive(data, link="memory", now_s=self.now_s, utc_s=EPOCH_S + self.now_s)
        self.station.tick(now_s=self.now_s)
        for outgoing in self.station.take_outgoing(now_s=self.now_s):
            if self._passes("up", outgoing.data):
                self.autopilot.receive(outgoing.data, link="ground")

    def _step_devices(self) -> None:
        for name, device in self.devices.items():
            for data in self.autopilot.take_outgoing(name):
                device.receive(data)
            if isinstance(device, CameraComponent):
                device.step(self.now_s, self.now_s)
            else:
                device.step(self.now_s)
            for data in device.take_outgoing():
                self.autopilot.receive(data, link=name)

    def until(self, condition: Callable[[], bool], limit_s: float) -> None:
        end_s = self.now_s + limit_s
        while not condition():
            assert self.now_s < end_s, f"did not happen within {limit_s} s"
            self.step()

    def run(self, seconds: float) -> None:
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            self.step()

    @property
    def vehicle(self) -> Vehicle:
        self.until(lambda: 1 in self.station.vehicles, 20.0)
        return self.station.vehicles[1]

    def finish(self, operation: Operation, limit_s: float = 90.0) -> Outcome:
        self.until(lambda: operation.outcome is not None, limit_s)
        assert operation.outcome is not None
        return operation.outcome

    def ready(self) -> Vehicle:
        """The vehicle, once it is ready for take-off in GUIDED."""
        vehicle = self.vehicle
        self.until(lambda: vehicle.state.position_ready, 60.0)
        assert self.finish(vehicle.set_mode("GUIDED", now_s=self.now_s)).outcome == "done"
        return vehicle

    def sent_of(self, name: str) -> list[tuple[float, Message]]:
        return [(at_s, message) for at_s, message in self.sent if message.get_type() == name]


def checked(points: int = 3, *, fence: Sequence[object] = (), rally: Sequence[object] = ()) -> CheckedMission:
    way = tuple(
        FlyTo(_at_height(offset(HOME, 37.0 * number % 360.0, 20.0 + number % 50), 30.0)) for number in range(points)
    )
    mission = Mission("test", (TakeOff(30.0), *way, ReturnHome()), HOME)
    report = check(mission, home=HOME, fence=fence, rally=rally)  # type: ignore[arg-type]
    assert report.checked is not None, [finding.line() for finding in report.stops]
    return report.checked.accepted_by("test", "test") if report.checked.needs_acceptance else report.checked


def _at_height(point: GeoPoint, height_m: float) -> GeoPoint:
    return GeoPoint(point.lat_deg, point.lon_deg, height_m, Datum.HOME)


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.fixture
def make_rig() -> type[Rig]:
    return Rig


@pytest.fixture
def make_mission() -> Callable[..., CheckedMission]:
    return checked
