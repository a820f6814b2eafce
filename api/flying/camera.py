"""`fly camera`: what the camera is, has and does, and what it is asked for.

A camera of its own (component 100 to 105) goes before one that the autopilot speaks for (component 1); ``--component``
chooses another. Its lens is told as it tells it and used for nothing: a place on the ground needs a calibrated profile,
and the one of the maker's data sheet that fits it is named.
"""

from __future__ import annotations

import argparse
from typing import Any

from api.flying.call import TOLD_S, Action, Call, now, number
from ground_station import camera_orders as orders
from ground_station.camera import CameraState
from ground_station.operation import DONE, UNKNOWN, Operation, Outcome
from missions.geometry.camera_library import profile_named_by

# A camera beats once a second, and the vehicle was listened to for a while already.
_BEATS_S = 1.2
_READS = ("status",)
_WORDS = (
    "status", "photo", "series SECONDS [COUNT]", "stop", "film on|off", "mode image|video|survey", "zoom PERCENT",
    "source default|rgb|thermal", "stream on|off [NUMBER]",
)  # fmt: skip


async def _run(call: Call) -> list[Outcome]:
    verb, *words = call.args.words or ["status"]
    began_s = now()
    component = await _find(call)
    if component is None:
        asked = call.args.component
        which = "no camera" if asked is None else f"no camera component {asked}"
        return [Outcome(f"camera {verb}", UNKNOWN, f"{which} was heard, neither on its own nor behind the autopilot")]
    await call.session.until(lambda: _told(call.vehicle.state.cameras[component]), TOLD_S)
    if verb == "status":
        call.more["cameras"] = [describe(state) for state in call.vehicle.state.cameras.values() if state.information]
        if not call.args.json and not call.args.quiet:
            _print(call.more["cameras"])
        return [Outcome("camera status", DONE, "", (), round(now() - began_s, 3))]
    outcomes = await call.one(call.vehicle.start(_order(call, component, verb, words)))
    if verb == "photo" and outcomes[0].good:
        await _tell_picture(call, component)
    return outcomes


async def _find(call: Call) -> int | None:
    """The camera that is meant, once it has said what it is."""
    vehicle, asked = call.vehicle, call.args.component

    def known() -> int | None:
        if asked is None:
            return vehicle.cameras.first
        state = vehicle.cameras.states.get(asked)
        return asked if state is not None and state.information is not None else None

    if not await call.session.until(lambda: known() is not None, _BEATS_S):
        vehicle.cameras.ask_autopilot()
        await call.session.until(lambda: known() is not None, TOLD_S)
    return known()


def _told(camera: CameraState) -> bool:
    """Whether it has said all that it can say by its own words."""
    shoots = camera.can("image") or camera.can("video")
    return (
        camera.settings_at_s is not None
        and (not shoots or (camera.capture is not None and bool(camera.cards)))
        and (not camera.can("stream") or len(camera.streams) >= (camera.streams_told or 1))
    )


def _order(call: Call, component: int, verb: str, words: list[str]) -> Operation:
    target, state, at_s = call.vehicle.sysid, call.vehicle.state, now()
    if verb == "photo":
        return orders.photo(target, component, state, now_s=at_s)
    if verb == "series":
        count = int(words[1]) if len(words) == 2 else 0
        return orders.series(target, component, float(words[0]), count, state, now_s=at_s)
    if verb == "stop":
        return orders.stop(target, component, now_s=at_s)
    if verb == "film":
        return orders.film(target, component, on=words[0] == "on", now_s=at_s)
    if verb == "mode":
        return orders.mode(target, component, words[0], now_s=at_s)
    if verb == "zoom":
        return orders.zoom(target, component, float(words[0]), state, now_s=at_s)
    if verb == "source":
        return orders.source(target, component, words[0], now_s=at_s)
    which = int(words[1]) if len(words) == 2 else 0
    return orders.stream(target, component, which, on=words[0] == "on", now_s=at_s)


async def _tell_picture(call: Call, component: int) -> None:
    """What the camera says of the picture, where it says something."""
    book = call.vehicle.cameras.pictures(component)
    await call.session.until(lambda: bool(book.taken) and not book.missing, 1.5)
    if book.taken:
        last = max(book.taken.values(), key=lambda picture: picture.index)
        place = last.place
        call.more["picture"] = {
            "index": last.index,
            "utc_s": last.utc_s,
            "lat_deg": place and place[0],
            "lon_deg": place and place[1],
            "alt_amsl_m": place and place[2],
            "file": last.file or None,
        }


def describe(camera: CameraState) -> dict[str, Any]:
    """A camera as plain data; what it does not say is null."""
    what, taken, heat = camera.information, camera.capture, camera.thermal_range
    profile = profile_named_by(what.vendor, what.model) if what else None
    return {
        "component": camera.component,
        "vendor": what and what.vendor,
        "model": what and what.model,
        "firmware": what and what.firmware,
        "width": what and what.width,
        "height": what and what.height,
        "focal_mm": what and what.focal_mm,
        "can": sorted(what.can) if what else None,
        "profile": profile,
        "mode": camera.mode,
        "zoom_pct": camera.zoom_pct,
        "taking": taken and taken.taking,
        "interval_s": taken and taken.interval_s,
        "filming": taken and taken.filming,
        "pictures": taken and taken.pictures,
        "cards": [
            {"card": key, "status": card.status, "total_mib": card.total_mib, "available_mib": card.available_mib}
            for key, card in camera.cards.items()
        ],
        "streams": [
            {
                "number": stream.number, "name": stream.name, "url": stream.url, "transport": stream.transport,
                "running": stream.running, "thermal": stream.thermal, "width": stream.width, "height": stream.height,
                "frames_per_s": stream.frames_per_s, "hfov_deg": stream.hfov_deg,
            }
            for stream in camera.streams.values()
        ],
        "hottest_c": heat and round(heat.hottest_c, 1),
        "coldest_c": heat and round(heat.coldest_c, 1),
    }  # fmt: skip


def _print(cameras: list[dict[str, Any]]) -> None:
    for camera in cameras:
        for name, value in camera.items():
            if name in ("cards", "streams"):
                for each in value:
                    print(f"  {name[:-1]:20} {', '.join(f'{key} {item}' for key, item in each.items())}")
                continue
            text = " ".join(value) if isinstance(value, list) else value
            print(f"  {name:20} {'unknown' if value is None else text}")


def _check(args: argparse.Namespace) -> None:
    verb, *words = args.words or ["status"]
    many, on_off = len(words), bool(words) and words[0] in ("on", "off")
    if args.component is not None and not (args.component == 1 or 100 <= args.component <= 105):
        raise ValueError(f"--component {args.component}: a camera is 100 to 105, or 1 behind the autopilot")
    fits = {
        "status": many == 0, "photo": many == 0, "stop": many == 0, "series": many in (1, 2),
        "film": many == 1 and on_off, "mode": many == 1 and words[0] in orders.MODES, "zoom": many == 1,
        "source": many == 1 and words[0] in orders.SOURCES, "stream": many in (1, 2) and on_off,
    }  # fmt: skip
    if not fits.get(verb, False):
        raise ValueError(f"fly camera: allowed are {', '.join(f'`{word}`' for word in _WORDS)}")
    if verb == "zoom":
        number("camera zoom", words[0], 0.0, 100.0, "percent")
    if verb == "series":
        number("camera series", words[0], orders.SHORTEST_S, orders.LONGEST_S, "seconds")
    if verb in ("series", "stream") and many == 2 and not words[1].isdecimal():
        raise ValueError(f"fly camera {verb}: {words[1]!r} is not a whole number")


def _reads(args: argparse.Namespace) -> bool:
    return not args.words or args.words[0] in _READS


ACTIONS = {"camera": Action(_run, _check, _reads)}
