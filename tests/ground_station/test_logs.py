"""Logs on board, against a vehicle of bare messages that sends its pieces through a radio that loses."""

from __future__ import annotations

import random

import pytest

from ground_station.logs import PIECE, Log, LogList, LogRead
from ground_station.operation import Operation
from ground_station.telemetry import VehicleState
from ground_station.wire import Message, mavlink


class Board:
    """Answers LOG_* as ArduPilot does: entries in a row, data in pieces of 90, a shorter one last."""

    def __init__(self, logs: dict[int, bytes]) -> None:
        self.logs = logs
        self.asked: list[tuple[int, int]] = []

    def answers(self, message: Message) -> list[Message]:
        name = message.get_type()
        if name == "LOG_REQUEST_LIST":
            if not self.logs:
                return [mavlink.MAVLink_log_entry_message(0, 0, 0, 0, 0)]
            count = len(self.logs)
            return [
                mavlink.MAVLink_log_entry_message(number, count, max(self.logs), 1_790_000_000, len(data))
                for number, data in self.logs.items()
            ]
        if name == "LOG_REQUEST_DATA":
            self.asked.append((message.ofs, message.count))
            data = self.logs[message.id]
            end = min(len(data), message.ofs + message.count)
            pieces = [data[at : min(at + PIECE, end)] for at in range(message.ofs, end, PIECE)]
            return [
                mavlink.MAVLink_log_data_message(
                    message.id, message.ofs + number * PIECE, len(piece), list(piece.ljust(PIECE, b"\0"))
                )
                for number, piece in enumerate(pieces)
            ]
        return []


def _run(operation: Operation, board: Board, *, loss: float = 0.0, seed: int = 1, until_s: float = 300.0) -> str:
    rng, state, now_s = random.Random(seed), VehicleState(1), 0.0
    while operation.outcome is None and now_s < until_s:
        now_s = round(now_s + 0.05, 3)
        for message in operation.take_outgoing():
            if rng.random() >= loss:
                for answer in board.answers(message):
                    if rng.random() >= loss:
                        operation.receive(answer, state, now_s=now_s)
        operation.tick(state, now_s=now_s)
    return "" if operation.outcome is None else operation.outcome.outcome


CONTENT = {1: random.Random(1).randbytes(100_000), 2: random.Random(2).randbytes(901), 7: b"x"}


@pytest.mark.parametrize("loss", [0.0, 0.3])
def test_the_list_is_complete_or_not_done(loss: float) -> None:
    listing = LogList(1, now_s=0.0)
    assert _run(listing, Board(CONTENT), loss=loss) == "done"
    assert [(log.number, log.size) for log in listing.logs] == [(1, 100_000), (2, 901), (7, 1)]
    assert listing.logs[0].utc_s == 1_790_000_000.0


def test_a_vehicle_without_logs_says_so_and_a_silent_one_is_unknown() -> None:
    listing = LogList(1, now_s=0.0)
    assert _run(listing, Board({})) == "done" and listing.logs == ()
    assert _run(LogList(1, now_s=0.0), Board(CONTENT), loss=1.0) == "unknown"


@pytest.mark.parametrize("number", [1, 2, 7])
@pytest.mark.parametrize("loss", [0.0, 0.3])
def test_a_log_comes_to_the_byte(number: int, loss: float) -> None:
    read = LogRead(1, Log(number, len(CONTENT[number]), None), now_s=0.0)
    assert _run(read, Board(CONTENT), loss=loss) == "done"
    assert read.content == CONTENT[number]


def test_it_goes_on_where_it_broke_off() -> None:
    board = Board(CONTENT)
    first = LogRead(1, Log(1, 100_000, None), now_s=0.0)
    _run(first, board, loss=0.2, until_s=2.0)
    assert first.outcome is None and 0.0 < first.share < 1.0
    board.asked.clear()
    second = LogRead(1, Log(1, 100_000, None), now_s=0.0, have=first.content)
    assert _run(second, board) == "done" and second.content == CONTENT[1]
    assert min(offset for offset, _ in board.asked) == len(first.content)


def test_a_log_that_ends_earlier_than_announced_is_not_called_whole() -> None:
    board = Board(CONTENT)
    read = LogRead(1, Log(2, 2_000, None), now_s=0.0)
    assert _run(read, board, until_s=60.0) == "unknown" and read.content == CONTENT[2][:900]
