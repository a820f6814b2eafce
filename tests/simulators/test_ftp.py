"""MAVLink FTP, answer by answer as ArduCopter 4.7-dev gave it on the same requests."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.autopilot.ftp import (
    ACK,
    BURST,
    CRC32,
    CREATE,
    LIST,
    MAKE_DIR,
    NAK,
    NONE,
    OPEN,
    OPEN_WRITE,
    READ,
    REMOVE,
    REMOVE_DIR,
    RENAME,
    RESET,
    TERMINATE,
    WRITE,
    Ftp,
    Payload,
)
from simulators.autopilot.parameters import Parameters
from simulators.autopilot.transfers import FENCE, MISSION, Item, Transfers

ME, OTHER = (255, 190), (254, 190)
TEXT = b"LOG_BACKEND_TYPE 0\n"


class Client:
    """A ground station before the server; numbers its requests apart, that none is a repetition."""

    def __init__(self, parameters: Parameters | None = None) -> None:
        self.texts: list[str] = []
        self.banners = 0
        self.parameters = parameters or Parameters()
        self.transfers = Transfers(lambda _, text: self.say(text))
        packed, estimate = self.parameters.packed, self.parameters.estimate
        self.server = Ftp(packed, estimate, self._banner, lambda _, t: self.say(t), self.transfers.packed)
        self.server.disk["x.parm"] = TEXT
        self.now_s = 0.0
        self._seq = 0

    def _banner(self) -> None:
        self.banners += 1

    def say(self, text: str) -> None:
        self.texts.append(text)

    def ask(self, opcode: int, data: bytes = b"", *, who: tuple[int, int] = ME, **fields: Any) -> list[Payload]:
        self._seq = (self._seq + 7) % 65_536
        request = replace(Payload(self._seq, 0, opcode, size=len(data), data=data), **fields)
        return self.send(request, who)

    def send(self, request: Payload, who: tuple[int, int] = ME) -> list[Payload]:
        message = type("Message", (), {"payload": list(request.pack())})
        return [Payload.of(bytes(m.payload)) for _, m in self.server.receive(message, who, "wire", self.now_s)]

    def one(self, opcode: int, data: bytes = b"", **how: Any) -> tuple[int, bytes]:
        """Opcode and data of the one answer."""
        (answer,) = self.ask(opcode, data, **how)
        assert (answer.asked, answer.seq) == (opcode, self._seq + 1)
        return answer.opcode, answer.data[: answer.size]

    def wait(self, seconds: float) -> list[Payload]:
        self.now_s += seconds
        return [Payload.of(bytes(m.payload)) for _, m in self.server.tick(self.now_s)]

    def fetch(self, path: bytes, size: int) -> bytes:
        assert self.one(OPEN, path)[0] == ACK
        data = b""
        while True:
            opcode, part = self.one(READ, size=size, offset=len(data))
            if opcode == NAK:
                assert part == b"\x06" and self.one(TERMINATE) == (ACK, b"")
                return data
            data += part


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.mark.parametrize(
    ("opcode", "data", "fields", "answer"),
    [
        (NONE, b"", {}, (ACK, b"")),
        (RESET, b"", {}, (ACK, b"")),
        (TERMINATE, b"", {"session": 3}, (ACK, b"")),
        (LIST, b"", {}, (NAK, b"\x03")),
        (LIST, b"nosuch", {}, (NAK, b"\x0a")),
        (LIST, b"@PARAM", {}, (NAK, b"\x0a")),
        (LIST, b"x.parm", {}, (NAK, b"\x02\x14")),
        (LIST, b"/", {"offset": 500}, (NAK, b"\x06")),
        (OPEN, b"nosuch", {}, (NAK, b"\x0a")),
        (OPEN, b"@PARAM/param.pckx", {}, (NAK, b"\x0a")),
        (OPEN, b"@PARAM/param.pck?withdefaults=2", {}, (NAK, b"\x02\x16")),
        (OPEN, b"@PARAM/param.pck?start=70000", {}, (NAK, b"\x02\x16")),
        (OPEN, b"/", {}, (NAK, b"\x0a")),
        (OPEN, b"", {}, (NAK, b"\x03")),
        (OPEN, b"x.parm", {"size": 9}, (NAK, b"\x03")),
        (OPEN, b"x.parm", {"size": 3}, (NAK, b"\x03")),
        (OPEN, b"x.parm", {"size": 240}, (NAK, b"\x03")),
        (OPEN, b"x.parm", {}, (ACK, b"\x13\0\0\0")),
        (OPEN, b"x.parm\0", {}, (ACK, b"\x13\0\0\0")),
        (READ, b"", {"size": 10}, (NAK, b"\x0a")),
        (BURST, b"", {"size": 10}, (NAK, b"\x0a")),
        (WRITE, b"abc", {}, (NAK, b"\x0a")),
        (CRC32, b"x.parm", {}, (ACK, bytes.fromhex("dbf72162"))),
        (CRC32, b"nosuch", {}, (NAK, b"\x0a")),
        (OPEN_WRITE, b"nosuch", {}, (NAK, b"\x0a")),
        (CREATE, b"nosuch/a.txt", {}, (NAK, b"\x0a")),
        (RENAME, b"x.parm", {}, (NAK, b"\x03")),
        (RENAME, b"nosuch\0b", {}, (NAK, b"\x0a")),
        (REMOVE, b"nosuch", {}, (NAK, b"\x0a")),
        (MAKE_DIR, b"terrain", {}, (NAK, b"\x08")),
        (12, b"x.parm", {}, (NAK, b"\x01")),
        (99, b"", {}, (NAK, b"\x01")),
    ],
)
def test_each_request_has_its_answer(
    client: Client, opcode: int, data: bytes, fields: dict[str, Any], answer: tuple[int, bytes]
) -> None:
    assert client.one(opcode, data, **fields) == answer
    assert client.texts == ([f"Unsupported FTP: {opcode}"] if opcode in (12, 99) else [])


@pytest.mark.parametrize("opcode", [ACK, NAK])
def test_answers_are_not_answered(client: Client, opcode: int) -> None:
    assert client.ask(opcode) == []


def test_a_folder_is_listed_from_an_offset_entry_by_entry(client: Client) -> None:
    assert client.one(LIST, b".") == (ACK, b"D.\0\0D..\0\0Fx.parm\t19\0\0Dterrain\0\0")
    assert client.one(LIST, b"/", offset=2) == (ACK, b"Fx.parm\t19\0\0Dterrain\0\0")
    client.server.disk |= {f"logs/{n:08}.BIN": b"" for n in range(1, 40)}
    client.server.folders.add("logs")
    names: list[bytes] = []
    while (answer := client.one(LIST, b"logs/", offset=len(names)))[0] == ACK:
        assert len(answer[1]) < 239
        names += answer[1].removesuffix(b"\0\0").split(b"\0\0")
    assert len(names) == 41 and names[-1] == b"F00000039.BIN\t0"


def test_one_file_at_a_time_and_one_session_for_all(client: Client) -> None:
    client.one(OPEN, b"x.parm")
    assert client.one(OPEN, b"x.parm") == (NAK, b"\x01")
    assert client.one(READ, size=5, session=1) == (NAK, b"\x04")
    assert client.one(OPEN, b"x.parm", session=1) == (NAK, b"\x04")
    assert client.one(TERMINATE, session=3) == (ACK, b"")  # and closes nothing
    assert client.one(READ, size=5, who=OTHER) == (ACK, b"LOG_B")  # the number is the session, not who holds it


def test_another_session_takes_over_after_three_idle_seconds(client: Client) -> None:
    client.one(OPEN, b"x.parm")
    client.wait(2.9)
    assert client.one(OPEN, b"x.parm", session=1) == (NAK, b"\x04")  # that answer counts as use
    client.wait(3.1)
    assert client.one(OPEN, b"x.parm", session=1)[0] == ACK


def test_a_repeated_request_gets_the_same_answer_and_is_not_carried_out_again(client: Client) -> None:
    request = Payload(500, 0, OPEN, size=6, data=b"x.parm")
    assert client.send(request) == client.send(request)
    assert client.send(request)[0].opcode == ACK
    assert client.send(request, OTHER)[0].data[:1] == b"\x01"  # of somebody else it is a new one


def test_a_file_is_written_read_renamed_and_removed(client: Client) -> None:
    assert client.one(CREATE, b"a.txt") == (ACK, b"")
    assert client.one(READ, size=5) == (NAK, b"\x01")
    client.one(WRITE, b"hello")
    client.one(WRITE, b"there", offset=10)
    client.one(TERMINATE)
    assert client.one(CRC32, b"a.txt") == (ACK, bytes.fromhex("7956f963"))
    assert client.fetch(b"a.txt", 100) == b"hello\0\0\0\0\0there"
    assert client.one(OPEN, b"a.txt") and client.one(WRITE, b"x") == (NAK, b"\x01")
    client.one(RESET)
    assert client.one(RENAME, b"a.txt\0b.txt") == (ACK, b"") and client.one(REMOVE, b"b.txt") == (ACK, b"")
    assert client.one(MAKE_DIR, b"dd") == (ACK, b"") and client.one(REMOVE_DIR, b"dd") == (ACK, b"")


def test_a_mission_and_a_fence_are_files_that_are_read_to_their_end(client: Client) -> None:
    client.transfers.lists[MISSION] = [
        Item(0, 16, (0, 0, 0, 0), 514_500_000, 67_400_000, 31.0),
        Item(3, 16, (2, 0, 0, 90), 514_510_000, 67_410_000, 20.5),
    ]
    opcode, size = client.one(OPEN, b"@MISSION/mission.dat")
    assert opcode == ACK and int.from_bytes(size, "little") == 1_048_576, "said to be larger than any"
    client.one(TERMINATE)
    data = client.fetch(b"@MISSION/mission.dat", 100)
    assert struct.unpack_from("<5H", data) == (0x763D, MISSION, 0, 0, 2) and len(data) == 10 + 2 * 38
    *params, x, y, z, seq, command, _, _, frame, current, auto, kind = struct.unpack_from("<4f2if2H6B", data, 10 + 38)
    assert (params, x, y, z) == ([2, 0, 0, 90], 514_510_000, 67_410_000, 20.5)
    assert (seq, command, frame, current, auto, kind) == (1, 16, 3, 0, 1, MISSION)
    assert struct.unpack("<5H", client.fetch(b"@MISSION/fence.dat", 100)) == (0x763D, FENCE, 0, 0, 0)
    assert client.one(OPEN, b"@MISSION/other.dat") == (NAK, b"\x0a")


def test_a_burst_ends_with_a_short_packet_and_the_end_of_the_file(client: Client) -> None:
    client.one(OPEN, b"x.parm")
    assert client.ask(BURST, size=20) == []
    packets = client.wait(1.0)
    assert [(p.opcode, p.size, p.complete, p.offset) for p in packets] == [(ACK, 19, 1, 0), (NAK, 1, 1, 19)]
    assert packets[1].seq == packets[0].seq + 1 and packets[1].data[:1] == b"\x06"
    assert client.one(BURST, size=20, offset=500) == (NAK, b"\x06")


def test_a_burst_is_500_packets_at_most_and_lets_five_requests_wait(client: Client) -> None:
    client.server.disk["big"] = bytes(600 * 239)
    client.one(OPEN, b"big")
    client.ask(BURST)
    first = client.wait(0.1)
    assert 19 <= len(first) <= 22  # one every five milliseconds
    assert all(client.ask(READ, size=10) == [] for _ in range(7))
    rest = [p for _ in range(300) for p in client.wait(0.01)]
    packets = [p for p in first + rest if p.asked == BURST]
    assert len(packets) == 500 and [p.complete for p in packets[-2:]] == [0, 1]
    assert sum(p.asked == READ for p in rest) == 5


# --- the parameters as a file -----------------------------------------------------------------------------------------


def unpack(data: bytes) -> dict[str, tuple[float, float | None]]:
    """{name: (value, default)} of a packed file, written from the description of the format alone."""
    magic, count, _ = struct.unpack_from("<HHH", data)
    assert magic in (0x671B, 0x671C)
    at, name, found = 6, "", {}
    while at < len(data):
        if data[at] == 0:
            at += 1
            continue
        form = {1: "<b", 2: "<h", 3: "<i", 4: "<f"}[data[at] & 15]
        with_default, shared, length = data[at] >> 4, data[at + 1] & 15, (data[at + 1] >> 4) + 1
        name = name[:shared] + data[at + 2 : at + 2 + length].decode()
        at += 2 + length
        values = [struct.unpack_from(form, data, at + i * struct.calcsize(form))[0] for i in range(1 + with_default)]
        at += struct.calcsize(form) * len(values)
        found[name] = (values[0], values[1] if with_default else None)
    assert len(found) == count
    return found


@pytest.mark.parametrize("size", [20, 80, 239])
def test_the_parameters_come_as_one_packed_file(client: Client, size: int) -> None:
    client.parameters.values |= {"FENCE_ENABLE": -3.0, "WPNAV_SPEED": 512.5}
    plain = unpack(client.fetch(b"@PARAM/param.pck", size))
    assert {name: value for name, (value, _) in plain.items()} == client.parameters.values
    assert all(default is None for _, default in plain.values())
    told = unpack(client.fetch(b"@PARAM/param.pck?withdefaults=1", size))
    assert {n: d for n, (_, d) in told.items() if d is not None} == {"FENCE_ENABLE": 0, "WPNAV_SPEED": 1000.0}
    some = unpack(client.fetch(b"@PARAM/param.pck?start=2&count=3", size))
    assert [*some] == [*client.parameters.values][2:5]
    assert client.banners == 3


@given(st.integers(8, 239))
@pytest.mark.rehearsal
def test_no_value_lies_across_two_reads(size: int) -> None:
    """What a lost packet brings again then fits whatever the parameter has become meanwhile."""
    parameters = Parameters()
    data = parameters.packed(size)
    changed = {name: (0.0 if value else 1.0) for name, value in parameters.values.items()}
    for name in parameters.values:
        other = Parameters()
        other.values[name] = changed[name]
        blocks = {at // size for at, (a, b) in enumerate(zip(data, other.packed(size), strict=True)) if a != b}
        assert len(blocks) == 1


def test_the_packed_file_is_read_in_one_size_and_is_said_to_be_larger(client: Client) -> None:
    _, size = client.one(OPEN, b"@PARAM/param.pck")
    assert int.from_bytes(size, "little") == 12 * len(client.parameters.values)
    assert client.one(READ, size=80)[0] == ACK
    assert client.one(READ, size=40) == (NAK, b"\x02\x16")
    assert client.one(READ, size=0) == (NAK, b"\x02\x16")
    assert client.one(READ, size=80, offset=100_000) == (NAK, b"\x06")
