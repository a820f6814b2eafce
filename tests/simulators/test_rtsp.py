"""The RTSP machine: pulled as ffmpeg and players do it, and asked everything that nobody should ask."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.rtp import RtpSender
from simulators.rtsp import CLOSED, IDLE_S, INIT, MOST_HEAD, PLAYING, READY, Offer, RtspConnection

OFFER = Offer("thermal", (b"\x67\x42\xc0\x1e\x01", b"\x68\xce"), 10.0)
URL = "rtsp://127.0.0.1:8554/thermal"
TCP = ("Transport", "RTP/AVP/TCP;unicast;interleaved=4-5")
MINE = ("Session", "5e55")


def connection() -> RtspConnection:
    return RtspConnection(OFFER, RtpSender(0xABC, 77, 5), "5e55", 0.0)


def request(method: str, url: str = URL, *headers: tuple[str, str], cseq: int | str | None = 3) -> bytes:
    lines = [f"{method} {url} RTSP/1.0", *(f"{name}: {value}" for name, value in headers)]
    if cseq is not None:
        lines.insert(1, f"CSeq: {cseq}")
    return "\r\n".join([*lines, "", ""]).encode()


def asked(machine: RtspConnection, *requests: bytes) -> list[tuple[int, dict[str, str], str]]:
    """Status, headers and body of every answer."""
    for each in requests:
        machine.receive(each, 1.0)
    return answers(machine.take_outgoing())


def answers(data: bytes) -> list[tuple[int, dict[str, str], str]]:
    found = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers: dict[str, Any] = dict(line.split(": ", 1) for line in lines)
        body, data = data[: int(headers.get("Content-Length", 0))], data[int(headers.get("Content-Length", 0)) :]
        assert first.startswith("RTSP/1.0 ")
        found.append((int(first.split()[1]), headers, body.decode()))
    return found


PULL = (
    request("OPTIONS", cseq=1),
    request("DESCRIBE", URL, ("Accept", "application/sdp"), cseq=2),
    request("SETUP", f"{URL}/trackID=0", TCP, cseq=3),
    request("PLAY", f"{URL}/", MINE, ("Range", "npt=0.000-"), cseq=4),
    request("GET_PARAMETER", URL, MINE, cseq=5),
    request("TEARDOWN", URL, MINE, cseq=6),
)


def test_it_is_pulled_step_by_step() -> None:
    machine = connection()
    options, describe = asked(machine, *PULL[:2])
    assert {"DESCRIBE", "SETUP", "PLAY", "TEARDOWN"} <= set(options[1]["Public"].split(", "))
    assert (describe[1]["Content-Type"], describe[1]["Content-Base"]) == ("application/sdp", f"{URL}/")
    sdp = describe[2]
    sets = ",".join(base64.b64encode(unit).decode() for unit in OFFER.parameter_sets)
    assert f"profile-level-id=42C01E;sprop-parameter-sets={sets}\r\n" in sdp
    assert "m=video 0 RTP/AVP 96\r\n" in sdp and "a=control:trackID=0\r\n" in sdp
    assert machine.state == INIT
    (setup,) = asked(machine, PULL[2])
    assert setup[1]["Transport"] == "RTP/AVP/TCP;unicast;interleaved=4-5;ssrc=00000ABC"
    assert setup[1]["Session"].startswith("5e55") and machine.state == READY and machine.channels == (4, 5)
    (play,) = asked(machine, PULL[3])
    assert play[1]["RTP-Info"] == f"url={URL}/trackID=0;seq=77" and machine.state == PLAYING
    (alive,) = asked(machine, PULL[4])
    assert alive[0] == 200 and machine.state == PLAYING
    (over,) = asked(machine, PULL[5])
    assert (over[0], over[1]["CSeq"], machine.state) == (200, "6", CLOSED)


@given(st.data())
@settings(max_examples=60)
def test_it_does_not_matter_where_the_bytes_are_cut(data: st.DataObject) -> None:
    report = b"$\x05\x00\x04\r\n\r\n"
    whole = b"".join((*PULL[:3], report, PULL[3], report, *PULL[4:]))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=30)))
    machine, once = connection(), connection()
    once.receive(whole, 1.0)
    for begin, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        machine.receive(whole[begin:end], 1.0)
    assert machine.take_outgoing() == once.take_outgoing() and machine.state == once.state == CLOSED


def test_a_pause_stops_the_pictures_and_play_goes_on() -> None:
    machine = connection()
    asked(machine, *PULL[:4], request("PAUSE", URL, MINE))
    assert machine.state == READY
    asked(machine, PULL[3])
    assert machine.state == PLAYING


@pytest.mark.parametrize(
    ("asks", "status", "state"),
    [
        (request("DESCRIBE", "rtsp://127.0.0.1:8554/visible"), 404, INIT),
        (request("DESCRIBE", "rtsp://127.0.0.1:8554/thermal/../../secret"), 404, INIT),
        (request("DESCRIBE", "rtsp://["), 404, INIT),
        (request("DESCRIBE", URL, ("Accept", "text/html")), 406, INIT),
        (request("DESCRIBE", URL, ("Require", "play.scale")), 551, INIT),
        (request("SETUP", URL, ("Transport", "RTP/AVP;unicast;client_port=5000-5001")), 461, INIT),
        (request("SETUP", URL, ("Transport", "RTP/AVP;unicast"), ("Session", "5e55")), 461, INIT),
        (request("SETUP", URL, ("Transport", "RTP/AVP/TCP;unicast;interleaved=256-257")), 461, INIT),
        (request("SETUP", URL, ("Transport", "RTP/AVP/TCP;unicast;interleaved=-1")), 461, INIT),
        (request("SETUP", URL), 461, INIT),
        (request("SETUP", URL, ("Transport", "RTP/AVP;client_port=1-2,RTP/AVP/TCP;interleaved=2-3")), 200, READY),
        (request("SETUP", URL, TCP, ("Session", "somebody")), 454, INIT),
        (request("PLAY", URL, MINE), 455, INIT),
        (request("PAUSE", URL, MINE), 455, INIT),
        (request("TEARDOWN", URL), 455, INIT),
        (request("RECORD"), 405, INIT),
        (request("BREW"), 501, INIT),
        (request("OPTIONS", "*"), 200, INIT),
        (request("OPTIONS", URL, cseq=None), 400, CLOSED),
        (request("OPTIONS", URL, cseq="-1"), 400, CLOSED),
        (request("OPTIONS", URL, cseq="9" * 30), 400, CLOSED),
        (request("OPTIONS", URL, ("Content-Length", "-5")), 400, CLOSED),
        (request("OPTIONS", URL, ("Content-Length", "99999999999999999999")), 413, CLOSED),
        (request("OPTIONS", URL, ("Content-Length", "5000")), 413, CLOSED),
        (request("OPTIONS", URL, ("X", "a\0b")), 400, CLOSED),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 505, CLOSED),
        (b"OPTIONS rtsp://x RTSP/2.0\r\nCSeq: 1\r\n\r\n", 505, CLOSED),
        (b"hello\r\n\r\n", 400, CLOSED),
        (b"OPTIONS * RTSP/1.0\r\nno colon\r\n\r\n", 400, CLOSED),
        (b"\x16\x03\x01\x02\x00\x01\x00", 400, CLOSED),  # TLS
        (b"DESCRIBE " + b"a" * 2 * MOST_HEAD, 413, CLOSED),
        (b"a" * 2 * MOST_HEAD, 400, CLOSED),
        (request("OPTIONS", URL, ("X", "a" * MOST_HEAD)), 413, CLOSED),
    ],
)  # fmt: skip
def test_what_nobody_should_ask_is_answered_or_ended(asks: bytes, status: int, state: str) -> None:
    machine = connection()
    ((found, _, _),) = asked(machine, asks)
    assert (found, machine.state) == (status, state)


def test_a_request_with_a_body_is_taken_whole() -> None:
    body = ("Content-Length", "7")
    first, second = asked(connection(), request("SET_PARAMETER", URL, body) + b"a: b\r\n\r" + request("OPTIONS"))
    assert (first[0], second[0]) == (200, 200)


def test_play_needs_the_session_that_was_given() -> None:
    machine = connection()
    asked(machine, PULL[2])
    assert [a[0] for a in asked(machine, request("PLAY"), request("PLAY", URL, ("Session", "other")))] == [454, 454]
    assert asked(machine, request("SETUP", URL, TCP), request("PLAY", URL, MINE))[-1][0] == 200
    assert asked(machine, request("SETUP", URL, TCP))[0][0] == 455


def test_who_does_not_play_is_sent_away_and_a_byte_now_and_then_does_not_help() -> None:
    machine = connection()
    machine.receive(PULL[0], 5.0)
    for tick in range(15):
        machine.receive(b"O", 6.0 + tick)
    machine.tick(5.0 + IDLE_S - 0.1)
    assert machine.state == INIT
    machine.tick(5.0 + IDLE_S)
    assert machine.state == CLOSED
    playing = connection()
    asked(playing, *PULL[:4])
    playing.tick(1e6)
    assert playing.state == PLAYING and playing.deadline_s is None


@given(st.lists(st.one_of(st.binary(max_size=200), st.sampled_from(PULL)), max_size=12))
def test_garbage_never_raises_and_never_grows(chunks: list[bytes]) -> None:
    machine = connection()
    for chunk in chunks:
        machine.receive(chunk, 1.0)
        assert len(machine._in) <= MOST_HEAD + 66_000
    assert len(machine.take_outgoing()) < 20_000
