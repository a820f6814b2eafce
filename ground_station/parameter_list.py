"""All parameters: as one packed file where the vehicle has MAVLink FTP, else one by one.

The packed file is quick and whole or not there at all. Without FTP the list is asked for once; what of it does not come
is asked for by its number until nothing is missing, and only then is it ``done``.
"""

from __future__ import annotations

from ground_station.ftp import FileRead
from ground_station.operation import DONE, UNKNOWN, Operation
from ground_station.parameter_file import read_packed
from ground_station.telemetry import VehicleState
from ground_station.wire import Message, mavlink, text_of

PACKED = "@PARAM/param.pck"
_QUIET_S, _PATIENCE_S = 1.0, 10.0
_AT_A_TIME = 10
_NO_INDEX = 65_535


class ParameterList(Operation):
    """``values`` by name, complete only when the outcome is ``done``; ``source`` says which way they came."""

    def __init__(self, target: int, *, now_s: float, ftp: bool = True) -> None:
        super().__init__("params list", now_s=now_s)
        self.values: dict[str, float] = {}
        self.source = "file" if ftp else "list"
        self._target = target
        self._count: int | None = None
        self._seen: set[int] = set()
        self._heard_s = self._asked_s = now_s
        self._file: FileRead | None = None
        if ftp:
            self._file = FileRead(target, PACKED, now_s=now_s)
        else:
            self._ask_list(now_s)

    def _ask_list(self, now_s: float) -> None:
        self._out.append(mavlink.MAVLink_param_request_list_message(self._target, 1))
        self._asked_s = self._heard_s = now_s

    def _receive(self, message: Message, state: VehicleState, now_s: float) -> None:
        if self._file is not None:
            self._file.receive(message, state, now_s=now_s)
            self._judge_file(now_s)
        elif message.get_type() == "PARAM_VALUE":
            self._heard_s = now_s
            self._take(message, now_s)

    def _judge_file(self, now_s: float) -> None:
        assert self._file is not None
        ended = self._file.outcome
        if ended is None:
            return
        last_words = self._file.take_outgoing()  # it closes the file on board
        if ended.good:
            try:
                self.values = read_packed(self._file.content)
            except ValueError:
                ended = None  # a file that is not what it should be is no list
        if ended is not None and ended.good:
            self._end(DONE, "", now_s, len(self.values))
            self._out += last_words
            return
        self.source, self._file = "list", None
        self._out += last_words
        self._ask_list(now_s)

    def _take(self, message: Message, now_s: float) -> None:
        if message.param_index == _NO_INDEX or message.param_index >= message.param_count:
            return  # told by itself, not as part of the list
        self._count = message.param_count
        self._seen.add(message.param_index)
        self.values[text_of(message.param_id)] = float(message.param_value)
        if len(self._seen) >= self._count:
            self._end(DONE, "", now_s, len(self.values))

    def _tick(self, state: VehicleState, now_s: float) -> None:
        if self._file is not None:
            self._file.tick(state, now_s=now_s)
            self._judge_file(now_s)
        elif now_s - self._heard_s > _PATIENCE_S:
            missing = "all" if self._count is None else f"{self._count - len(self._seen)} of {self._count}"
            self._end(UNKNOWN, f"the vehicle stopped answering; {missing} parameters are missing", now_s)
        elif now_s - max(self._heard_s, self._asked_s) >= _QUIET_S:
            self._ask_missing(now_s)

    def _ask_missing(self, now_s: float) -> None:
        self._asked_s = now_s
        if self._count is None:
            self._out.append(mavlink.MAVLink_param_request_list_message(self._target, 1))
            return
        missing = [index for index in range(self._count) if index not in self._seen]
        for index in missing[:_AT_A_TIME]:
            self._out.append(mavlink.MAVLink_param_request_read_message(self._target, 1, b"", index))

    def take_outgoing(self) -> tuple[Message, ...]:
        """What this, or the read of the file, wants to send."""
        out = super().take_outgoing()
        return out if self._file is None else (*out, *self._file.take_outgoing())
