"""The live channel and the video: WebSockets that only ever tell.

Live: hello, then a snapshot (or, when the page names where it was, the events since), then envelopes as they come. The
page may send ``{"ping": n}`` and gets ``{"pong": n}``; anything else is ignored. Video: pictures with credits, so that
a slow viewer sees fewer pictures instead of old ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import orjson
from fastapi import APIRouter, Response, WebSocket, WebSocketDisconnect
from fastapi.responses import StreamingResponse

from api.situation import Situation

_START_CREDITS, _MAX_CREDITS = 2, 4
_MAX_MESSAGE = 4_096
_MAX_VIEWERS = 32
_PACE_S = 0.1


def router(situation: Situation, served: Callable[[str], bool]) -> APIRouter:
    """The live routes of one situation. ``served``: whether we answer to this Host header."""
    api = APIRouter()

    def from_our_page(socket: WebSocket) -> bool:
        host, origin = socket.headers.get("host", ""), socket.headers.get("origin")
        # A browser names the page that opens a WebSocket; somebody else's page is none of ours.
        return served(host) and (origin is None or urlsplit(origin).netloc.lower() == host.lower())

    @api.websocket("/api/v1/live")
    async def live(socket: WebSocket) -> None:
        if not from_our_page(socket) or situation.hub.pages >= _MAX_VIEWERS:
            await socket.close(1008)
            return
        await socket.accept()
        page = situation.hub.join()
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            await _until_one_ends(_tell(situation, socket, page), _listen(situation, socket, page))
        situation.hub.leave(page)

    @api.websocket("/api/v1/video/{camera:path}")
    async def video(socket: WebSocket, camera: str) -> None:
        viewers = situation.desk.viewers
        if not from_our_page(socket) or camera not in situation.eyes or viewers.get(camera, 0) >= _MAX_VIEWERS:
            await socket.close(1008)
            return
        await socket.accept()
        viewers[camera] = viewers.get(camera, 0) + 1
        try:
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                credits = _Credits()
                await _until_one_ends(_show(situation, socket, camera, credits), _grant(socket, credits))
        finally:
            viewers[camera] -= 1

    @api.get("/api/v1/events")
    async def events() -> Response:
        return StreamingResponse(_events(situation), media_type="text/event-stream")

    return api


async def _until_one_ends(*work: Any) -> None:
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _send(socket: WebSocket, body: Any) -> None:
    await socket.send_text(orjson.dumps(body).decode())


async def _tell(situation: Situation, socket: WebSocket, page: Any) -> None:
    hub = situation.hub
    await _send(socket, {"v": 1, "epoch": hub.epoch, "seq": hub.seq, "topic": "hello", "t_obs": None,
                         "t_srv": time.time(), "data": {"epoch": hub.epoch, "mode": situation.mode}})  # fmt: skip
    while True:
        if page.needs_snapshot:
            page.needs_snapshot = False
            page.take()
            await _send(socket, hub.snapshot(t_srv=time.time()))
        await page.ready.wait()
        for envelope in page.take():
            await _send(socket, envelope)
        # States come faster than eyes can follow: pages are served ten times a second, with the newest of each.
        await asyncio.sleep(_PACE_S)


async def _listen(situation: Situation, socket: WebSocket, page: Any) -> None:
    hub = situation.hub
    while True:
        message = _parsed(await socket.receive_text())
        if isinstance(message.get("ping"), int):
            await _send(socket, {"pong": message["ping"], "t_srv": time.time()})
        resume = message.get("resume")
        if isinstance(resume, dict) and isinstance(resume.get("seq"), int):
            if hub.resumable(str(resume.get("epoch")), resume["seq"]):
                for envelope in hub.since(resume["seq"]):
                    page.put(envelope)
            else:
                page.needs_snapshot = True
                page.ready.set()


def _parsed(text: str) -> dict[str, Any]:
    if len(text) > _MAX_MESSAGE:
        return {}
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return message if isinstance(message, dict) else {}


class _Credits:
    def __init__(self) -> None:
        self.left = _START_CREDITS
        self.granted = asyncio.Event()


async def _show(situation: Situation, socket: WebSocket, camera: str, credits: _Credits) -> None:
    shown = 0
    while True:
        while credits.left <= 0:
            credits.granted.clear()
            await credits.granted.wait()
        shown, header, jpeg = await situation.desk.newer(camera, shown)
        credits.left -= 1
        taken = header["time_s"]
        age = None if taken is None else max(0.0, round(situation.utc_s - taken, 3))
        head = orjson.dumps(header | {"age_s": age})
        await socket.send_bytes(struct.pack(">I", len(head)) + head + jpeg)


async def _grant(socket: WebSocket, credits: _Credits) -> None:
    while True:
        granted = _parsed(await socket.receive_text()).get("credit")
        if isinstance(granted, int) and 0 < granted <= _MAX_CREDITS:
            credits.left = min(_MAX_CREDITS, credits.left + granted)
            credits.granted.set()


async def _events(situation: Situation) -> Any:
    page = situation.hub.join()
    try:
        page.needs_snapshot = False
        yield b"data: " + orjson.dumps(situation.hub.snapshot(t_srv=time.time())) + b"\n\n"
        while True:
            await page.ready.wait()
            for envelope in page.take():
                yield b"data: " + orjson.dumps(envelope) + b"\n\n"
            await asyncio.sleep(_PACE_S)
    finally:
        situation.hub.leave(page)
