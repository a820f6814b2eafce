"""The camera's half of RTSP 1.0 (RFC 2326), as a machine: bytes in, bytes out, one connection each.

It is pulled as cameras of this class are: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, and the pictures come between the
answers on the same TCP connection (interleaved). Who asks for UDP is told 461 and asks again for TCP, as ffmpeg does.
What is no RTSP, or too long, gets one answer and then the end; a client that is connected and does not play is sent
away after IDLE_S.

    init  --SETUP-->  ready  --PLAY-->  playing  --PAUSE-->  ready        any  --TEARDOWN, nonsense, silence-->  closed
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass

from simulators.rtp import PAYLOAD_TYPE, RtpSender

IDLE_S = 20.0
MOST_HEAD, MOST_BODY = 4096, 4096
INIT, READY, PLAYING, CLOSED = "init", "ready", "playing", "closed"
_TRACK = "trackID=0"
_METHODS = ("OPTIONS", "DESCRIBE", "SETUP", "PLAY", "PAUSE", "TEARDOWN", "GET_PARAMETER", "SET_PARAMETER")
_NOT_HERE = ("ANNOUNCE", "RECORD", "REDIRECT")
_WORDS = {
    200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable",
    413: "Request Entity Too Large", 454: "Session Not Found", 455: "Method Not Valid in This State",
    461: "Unsupported Transport", 501: "Not Implemented", 503: "Service Unavailable",
    505: "RTSP Version Not Supported", 551: "Option not supported",
}  # fmt: skip
_FRAME, _FRAME_HEAD = 0x24, 4


@dataclass(frozen=True, slots=True)
class Offer:
    """What there is to see: ``path`` as in rtsp://HOST:PORT/path, and what the SDP says of it."""

    path: str
    parameter_sets: tuple[bytes, ...]
    frames_per_s: float

    def sdp(self) -> str:
        """The session description (RFC 4566; RFC 6184, 8.2)."""
        sets = ",".join(base64.b64encode(unit).decode("ascii") for unit in self.parameter_sets)
        level = self.parameter_sets[0][1:4].hex().upper()
        lines = (
            "v=0", "o=- 0 0 IN IP4 0.0.0.0", f"s={self.path}", "c=IN IP4 0.0.0.0", "t=0 0", "a=control:*",
            f"m=video 0 RTP/AVP {PAYLOAD_TYPE}", f"a=rtpmap:{PAYLOAD_TYPE} H264/90000",
            f"a=fmtp:{PAYLOAD_TYPE} packetization-mode=1;profile-level-id={level};sprop-parameter-sets={sets}",
            f"a=framerate:{self.frames_per_s:g}", f"a=control:{_TRACK}",
        )  # fmt: skip
        return "".join(f"{line}\r\n" for line in lines)


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    url: str
    headers: Mapping[str, str]

    @property
    def path(self) -> str:
        """What is asked for, without host, query and the slashes around it."""
        return self.url.partition("://")[2].partition("?")[0].partition("/")[2].strip("/")


class _Refused(Exception):
    """A request that gets a number other than 200; ``fatal``: and no further one."""

    def __init__(self, status: int, *headers: tuple[str, str], fatal: bool = False) -> None:
        super().__init__(status)
        self.status, self.headers, self.fatal = status, headers, fatal


class RtspConnection:
    """One client. ``receive`` and ``tick``, send ``take_outgoing``; pictures go out while ``state`` is PLAYING."""

    def __init__(self, offer: Offer, sender: RtpSender, session: str, now_s: float) -> None:
        self.state = INIT
        self.channels = (0, 1)
        self.sender = sender
        self._offer, self._session = offer, session
        self._in = bytearray()
        self._out: list[bytes] = []
        self._heard_s = self._now_s = now_s

    def receive(self, data: bytes, now_s: float) -> None:
        """Bytes from the client, cut anywhere."""
        self._now_s = now_s
        self._in += data
        while self.state != CLOSED and self._step():
            pass

    def tick(self, now_s: float) -> None:
        """Close when it has been silent for too long without playing."""
        deadline_s = self.deadline_s
        if deadline_s is not None and now_s >= deadline_s:
            self.state = CLOSED

    @property
    def deadline_s(self) -> float | None:
        """When it is sent away if nothing comes; None while it plays: then the connection is the sign of life."""
        return self._heard_s + IDLE_S if self.state in (INIT, READY) else None

    def take_outgoing(self) -> bytes:
        """Answers; once ``state`` is CLOSED, hang up behind them."""
        out, self._out = b"".join(self._out), []
        return out

    def refuse(self, status: int) -> None:
        """Say a number before anything was asked, and close: too many clients."""
        self._answer(status, "0")
        self.state = CLOSED

    # --- bytes ------------------------------------------------------------------------------------------------------

    def _step(self) -> bool:
        """Take one request, or one packet that the client sends back, off the front; False when it is not all there."""
        while self._in.startswith(b"\r\n"):  # allowed between requests
            del self._in[:2]
        if not self._in:
            return False
        if self._in[0] == _FRAME:  # receiver reports: nobody reads them
            size = _FRAME_HEAD + int.from_bytes(self._in[2:4], "big")
            if len(self._in) < max(size, _FRAME_HEAD):
                return False
            del self._in[:size]
            return True
        end = self._in.find(b"\r\n\r\n")
        if end < 0 or end > MOST_HEAD:
            # Also what has no line end and no letter at its beginning is no RTSP, however long one waits.
            if len(self._in) > MOST_HEAD or not (self._in[:1].isalpha() or self._in == b"\r"):
                self._answer(413 if self._looks_like_rtsp() else 400, "0")
                self._in.clear()
                self.state = CLOSED
            return False
        return self._request(bytes(self._in[:end]), end + 4)

    def _looks_like_rtsp(self) -> bool:
        return self._in[:16].partition(b" ")[0].decode("latin-1") in _METHODS

    def _request(self, head: bytes, body_at: int) -> bool:
        cseq = "0"
        try:
            request = _parsed(head)
            body = _length(request.headers)
            if len(self._in) < body_at + body:
                return False
            del self._in[: body_at + body]
            self._heard_s = self._now_s  # whole requests only: a byte now and then is no sign of life
            cseq = _cseq(request.headers)
            status, headers, text = 200, *self._handle(request)
        except _Refused as refused:
            if refused.fatal:
                self._in.clear()
                self.state = CLOSED
            status, headers, text = refused.status, refused.headers, ""
        self._answer(status, cseq, headers, text)
        return True

    def _answer(self, status: int, cseq: str, headers: tuple[tuple[str, str], ...] = (), text: str = "") -> None:
        body = text.encode("ascii")
        lines = [f"RTSP/1.0 {status} {_WORDS[status]}", f"CSeq: {cseq}"]
        lines += [f"{name}: {value}" for name, value in headers]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        self._out.append("\r\n".join([*lines, "", ""]).encode("latin-1") + body)

    # --- requests ---------------------------------------------------------------------------------------------------

    def _handle(self, request: _Request) -> tuple[tuple[tuple[str, str], ...], str]:
        """Headers and body of the answer. Raises _Refused."""
        if request.method in _NOT_HERE:
            raise _Refused(405, ("Allow", ", ".join(_METHODS)))
        if request.method not in _METHODS:
            raise _Refused(501)
        if "require" in request.headers:
            raise _Refused(551, ("Unsupported", request.headers["require"]))
        if request.headers.get("session", self._session).partition(";")[0].strip() != self._session:
            raise _Refused(454)
        if request.method == "OPTIONS":
            return (("Public", ", ".join(_METHODS)),), ""
        if request.url != "*" and request.path not in (self._offer.path, f"{self._offer.path}/{_TRACK}"):
            raise _Refused(404)
        return getattr(self, f"_{request.method.lower()}")(request)  # type: ignore[no-any-return]

    def _describe(self, request: _Request) -> tuple[tuple[tuple[str, str], ...], str]:
        accepted = request.headers.get("accept", "application/sdp")
        if not re.search(r"application/(sdp|\*)|\*/\*", accepted):
            raise _Refused(406)
        base = request.url.partition("?")[0].rstrip("/") + "/"
        return (("Content-Base", base), ("Content-Type", "application/sdp")), self._offer.sdp()

    def _setup(self, request: _Request) -> tuple[tuple[tuple[str, str], ...], str]:
        if self.state == PLAYING:
            raise _Refused(455)
        self.channels = _channels(request.headers.get("transport", ""))
        self.state = READY
        a, b = self.channels
        transport = f"RTP/AVP/TCP;unicast;interleaved={a}-{b};ssrc={self.sender.ssrc:08X}"
        return (("Transport", transport), ("Session", f"{self._session};timeout=60")), ""

    def _play(self, request: _Request) -> tuple[tuple[tuple[str, str], ...], str]:
        self._needs_session(request)
        self.state = PLAYING
        track = f"{request.url.partition('?')[0].rstrip('/').removesuffix('/' + _TRACK)}/{_TRACK}"
        where = f"url={track};seq={self.sender.seq}"
        return (("Session", self._session), ("Range", "npt=0.000-"), ("RTP-Info", where)), ""

    def _pause(self, request: _Request) -> tuple[tuple[tuple[str, str], ...], str]:
        self._needs_session(request)
        self.state = READY
        return (("Session", self._session),), ""

    def _teardown(self, request: _Request) -> tuple[tuple[tuple[str, str], ...], str]:
        self._needs_session(request)
        self.state = CLOSED
        return (), ""

    def _get_parameter(self, request: _Request) -> tuple[tuple[tuple[str, str], ...], str]:
        return (), ""  # how clients say that they are still there

    _set_parameter = _get_parameter

    def _needs_session(self, request: _Request) -> None:
        if self.state not in (READY, PLAYING):
            raise _Refused(455)
        if "session" not in request.headers:
            raise _Refused(454)


def _parsed(head: bytes) -> _Request:
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ")
    if len(words) != 3 or not words[2].startswith(("RTSP/", "HTTP/")):
        raise _Refused(400, fatal=True)
    if words[2] != "RTSP/1.0":
        raise _Refused(505, fatal=True)
    headers = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not name or any(not " " <= letter < "\x7f" for letter in line):
            raise _Refused(400, fatal=True)
        headers[name.strip().lower()] = value.strip()
    if any(not " " < letter < "\x7f" for letter in words[1]):
        raise _Refused(400, fatal=True)
    return _Request(words[0], words[1], headers)


def _length(headers: Mapping[str, str]) -> int:
    text = headers.get("content-length", "0")
    if not (text.isascii() and text.isdigit()):
        raise _Refused(400, fatal=True)
    if len(text) > 9 or int(text) > MOST_BODY:
        raise _Refused(413, fatal=True)
    return int(text)


def _cseq(headers: Mapping[str, str]) -> str:
    cseq = headers.get("cseq", "")
    if not (cseq.isascii() and cseq.isdigit() and len(cseq) < 10):
        raise _Refused(400, fatal=True)
    return cseq


def _channels(transport: str) -> tuple[int, int]:
    """The two channels of the first transport in the list that is served here."""
    for entry in transport.split(","):
        words = [word.strip().lower() for word in entry.split(";")]
        if words[0] != "rtp/avp/tcp" or "multicast" in words:
            continue
        wanted = next((word for word in words if word.startswith("interleaved=")), "interleaved=0-1")
        pair = re.fullmatch(r"interleaved=(\d{1,3})(?:-(\d{1,3}))?", wanted)
        if pair is None:
            continue
        first = int(pair[1])
        second = int(pair[2]) if pair[2] else first + 1
        if max(first, second) < 256 and first != second:
            return first, second
    raise _Refused(461)
