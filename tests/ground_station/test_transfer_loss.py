"""Many transfers over a radio that loses, doubles and delays: what is called verified is on board, every time."""

from __future__ import annotations

import random

import pytest

from ground_station.operation import NOT_FLYABLE, REFUSED, UNKNOWN, VERIFIED
from ground_station.telemetry import VehicleState
from ground_station.transfer import FENCE, MISSION, Upload
from ground_station.wire import Encoder, Message, Parser, mavlink
from missions.items import Command, Frame, MissionItem, differences
from simulators.autopilot.transfers import Transfers

STEP_S, LIMIT_S = 0.05, 150.0
US = (255, 190)
# A hair under one in three, each way; every fifth that gets through comes twice; up to 0.3 s on the way.
LOSS, TWICE, LATEST_S = 0.30, 0.20, 0.3


class Radio:
    """Messages of one direction, as bytes, with their time of arrival."""

    def __init__(self, rng: random.Random, sysid: int, loss: float) -> None:
        self._rng, self._loss = rng, loss
        self._encoder = Encoder(sysid, 1)
        self._air: list[tuple[float, int, bytes]] = []
        self._count = 0

    def push(self, message: Message, now_s: float) -> None:
        frame = self._encoder.encode(message)
        for _ in range(1 + (self._rng.random() < TWICE)):
            if self._rng.random() >= self._loss:
                self._count += 1
                self._air.append((now_s + self._rng.uniform(0.0, LATEST_S), self._count, frame))

    def pull(self, now_s: float) -> list[Message]:
        due = sorted(entry for entry in self._air if entry[0] <= now_s)
        self._air = [entry for entry in self._air if entry[0] > now_s]
        return [received.message for _, _, frame in due for received in Parser().feed(frame)]


class Transfer:
    """One upload from beginning to end. ``meddle`` may change what is on board at any time."""

    def __init__(self, seed: int, items: tuple[MissionItem, ...], kind: int = MISSION, loss: float = LOSS) -> None:
        rng = random.Random(seed)
        self.board = Transfers(lambda severity, text: None)
        self.board.set_home(51.0, 6.0, 30.0)
        self.upload = Upload(1, kind, items, now_s=0.0)
        self.items, self.kind = items, kind
        self.up, self.down = Radio(rng, 255, loss), Radio(rng, 1, loss)
        self.now_s = 0.0

    def run(self, meddle=lambda transfer: None) -> str:  # type: ignore[no-untyped-def]
        state = VehicleState(1)
        while self.upload.outcome is None:
            assert self.now_s < LIMIT_S, "neither verified nor given up"
            self.now_s = round(self.now_s + STEP_S, 6)
            for message in self.upload.take_outgoing():
                self.up.push(message, self.now_s)
            for message in self.up.pull(self.now_s):
                for answer in self.board.receive(message, US, self.now_s):
                    self.down.push(answer, self.now_s)
            for _, answer in self.board.tick(self.now_s):
                self.down.push(answer, self.now_s)
            meddle(self)
            for message in self.down.pull(self.now_s):
                self.upload.receive(message, state, now_s=self.now_s)
            self.upload.tick(state, now_s=self.now_s)
        return self.upload.outcome.outcome

    def on_board(self) -> bool:
        """Whether the vehicle holds what was sent, read from its memory and not over the radio."""
        stored = [
            MissionItem(i.command, i.frame, *i.params, i.lat_deg, i.lon_deg, i.z) if i.command in (16, 22) else None
            for i in self.board.lists[self.kind]
        ]
        if len(stored) != len(self.items) or None in stored:
            return False
        return not differences(self.items, [i for i in stored if i], home_first=True)


def route(points: int, seed: int = 0) -> tuple[MissionItem, ...]:
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


def test_of_eighty_transfers_none_is_falsely_verified_and_nearly_all_are_verified() -> None:
    verified = 0
    for seed in range(80):
        transfer = Transfer(seed, route(6 + seed % 9, seed))
        outcome = transfer.run()
        assert outcome in (VERIFIED, NOT_FLYABLE, UNKNOWN, REFUSED)
        if outcome == VERIFIED:
            assert transfer.on_board(), f"seed {seed} is called verified and is not on board"
            verified += 1
    assert verified >= 76


def test_whatever_changes_an_item_underneath_is_never_verified() -> None:
    """One item of the vehicle's memory is moved by 11 m, as soon as the list is whole and before it is read back."""

    def meddle(transfer: Transfer) -> None:
        stored = transfer.board.lists[MISSION]
        if len(stored) == len(transfer.items):
            stored[-1].x = round(transfer.items[-1].lat_deg * 1e7) + 1_000

    for seed in range(20):
        assert Transfer(seed, route(6, seed)).run(meddle) == NOT_FLYABLE


def test_a_list_that_was_there_before_is_not_taken_for_the_one_that_was_sent() -> None:
    """The vehicle loses everything from us, but still answers reads with its old list of the same length."""
    for seed in range(5):
        transfer = Transfer(seed, route(4, seed), loss=0.0)
        other = Transfer(seed, route(4, seed + 100), loss=0.0)
        assert other.run() == VERIFIED
        old = list(other.board.lists[MISSION])

        def meddle(running: Transfer, old=old) -> None:  # type: ignore[no-untyped-def]
            running.board.lists[MISSION] = list(old)

        assert transfer.run(meddle) == NOT_FLYABLE


@pytest.mark.parametrize("loss", [0.0, 0.1, 0.3])
def test_less_loss_is_no_slower(loss: float) -> None:
    seconds = []
    for seed in range(5):
        transfer = Transfer(seed, route(10, seed), loss=loss)
        assert transfer.run() == VERIFIED
        seconds.append(transfer.now_s)
    assert max(seconds) < 15.0 + 150.0 * loss


def test_everything_lost_ends_without_a_claim() -> None:
    transfer = Transfer(1, route(3), loss=1.0)
    assert transfer.run() == UNKNOWN
    assert 8.0 < transfer.now_s < 8.2
    assert transfer.board.lists[MISSION][1:] == []  # home alone


def test_an_upload_that_was_cancelled_sends_nothing_more_not_even_its_read_back() -> None:
    upload = Upload(1, FENCE, route(1), now_s=0.0)
    upload.receive(mavlink.MAVLink_mission_request_message(255, 190, 2, FENCE), VehicleState(1), now_s=0.1)
    upload.receive(mavlink.MAVLink_mission_ack_message(255, 190, 0, FENCE), VehicleState(1), now_s=0.2)
    upload.cancel("given up", now_s=0.3)
    assert upload.take_outgoing() == ()
    upload.tick(VehicleState(1), now_s=5.0)
    assert upload.take_outgoing() == ()
    assert upload.outcome is not None and upload.outcome.outcome == NOT_FLYABLE
