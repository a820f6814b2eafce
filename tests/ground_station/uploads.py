"""One upload over two directions of a bad radio into the lists of a simulated vehicle, in simulated time."""

from __future__ import annotations

import random
from collections.abc import Callable

from ground_station.operation import Operation
from ground_station.telemetry import VehicleState
from ground_station.transfer import MISSION, Upload
from ground_station.wire import Encoder, Parser
from missions.items import Command, Frame, MissionItem, differences
from simulators.autopilot.transfers import Transfers
from simulators.channel import Channel, Quality

STEP_S, LIMIT_S = 0.04, 400.0
US = (255, 190)


def route(points: int, seed: int = 0) -> tuple[MissionItem, ...]:
    """Home, a take-off and so many places, all drawn from the seed."""
    rng = random.Random(seed)
    home = MissionItem(Command.WAYPOINT, Frame.GLOBAL, lat_deg=51.0, lon_deg=6.0, alt_m=30.0)
    takeoff = MissionItem(Command.TAKEOFF, Frame.RELATIVE, lat_deg=51.0, lon_deg=6.0, alt_m=30.0)
    way = (
        MissionItem(
            Command.WAYPOINT,
            Frame.RELATIVE,
            lat_deg=round(51.0 + rng.uniform(-0.01, 0.01), 7),
            lon_deg=round(6.0 + rng.uniform(-0.01, 0.01), 7),
            alt_m=float(rng.randint(20, 100)),
        )
        for _ in range(points)
    )
    return (home, takeoff, *way)


class Air:
    """The vehicle's lists behind a radio, and one operation of ours on this side of it."""

    def __init__(self, quality: Quality, seed: int, begin: Callable[[float], Operation]) -> None:
        self.board = Transfers(lambda severity, text: None)
        self.board.set_home(51.0, 6.0, 30.0)
        self.operation = begin(0.0)
        self.now_s = 0.0
        self._up, self._down = Channel(quality, seed, gap_seed=seed), Channel(quality, seed + 5_000, gap_seed=seed)
        self._ours, self._theirs = Encoder(*US), Encoder(1, 1)

    def hold(self, items: tuple[MissionItem, ...]) -> None:
        """What is on board before."""
        from ground_station.transfer import item_message

        for answer in self.board.receive(_count(len(items)), US, 0.0):
            assert answer.get_type() == "MISSION_REQUEST"
        for seq, item in enumerate(items):
            self.board.receive(item_message(1, MISSION, seq, item), US, 0.0)
        assert holds(self.board, items)

    def run(self, meddle: Callable[[Air], None] = lambda air: None) -> str:
        """To the end; the outcome's word."""
        state = VehicleState(1)
        while self.operation.outcome is None:
            assert self.now_s < LIMIT_S, "neither proven nor given up"
            self.now_s = round(self.now_s + STEP_S, 6)
            for message in self.operation.take_outgoing():
                self._up.push(self._ours.encode(message), self.now_s)
            answers = [
                answer
                for data in self._up.pull(self.now_s)
                for received in Parser().feed(data)
                for answer in self.board.receive(received.message, US, self.now_s)
            ]
            for answer in (*answers, *(message for _, message in self.board.tick(self.now_s))):
                self._down.push(self._theirs.encode(answer), self.now_s)
            meddle(self)
            for data in self._down.pull(self.now_s):
                for received in Parser().feed(data):
                    self.operation.receive(received.message, state, now_s=self.now_s)
            self.operation.tick(state, now_s=self.now_s)
        return self.operation.outcome.outcome


def _count(items: int):  # type: ignore[no-untyped-def]
    from ground_station.wire import mavlink

    return mavlink.MAVLink_mission_count_message(1, 1, items, MISSION)


def holds(board: Transfers, items: tuple[MissionItem, ...]) -> bool:
    """Whether the vehicle's memory, read without any radio, holds exactly this mission."""
    stored = [MissionItem(i.command, i.frame, *i.params, i.lat_deg, i.lon_deg, i.z) for i in board.lists[MISSION]]
    return not differences(items, stored, home_first=True)


def upload(quality: Quality, seed: int, items: tuple[MissionItem, ...]) -> Air:
    """An upload of a mission that is about to begin."""
    return Air(quality, seed, lambda now_s: Upload(1, MISSION, items, now_s=now_s))
