"""The chapters of ``stimuli_alone``, ``_more`` and ``_rude``, each with a copter that has just started and two wires.

As a program it records the real one or says what differs:
``python -m tests.flights.recorder_alone alone|more|rude real FILE | ours``.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import Iterable
from pathlib import Path

from missions.geometry.geo import Datum, GeoPoint
from simulators.sitl import SitlVehicle, need_binary
from tests.flights.comparing import compare, load, load_variants
from tests.flights.programs import free_port
from tests.flights.recorder import INSTANCES, SPEEDUP, WIRES, Line, OurCopter, RealCopter, Recorder
from tests.flights.stimuli_alone import ALONE
from tests.flights.stimuli_more import MORE
from tests.flights.stimuli_rude import RUDE
from tests.flights.words import GUIDED, HOME, Chapter, mode

RECORDING = Path(__file__).with_name("arducopter_4_7_alone.jsonl")
RECORDING_OF_MORE = RECORDING.with_name("arducopter_4_7_more.jsonl")
RECORDING_OF_RUDE = RECORDING.with_name("arducopter_4_7_rude.jsonl")
SCRIPTS = {"alone": (ALONE, RECORDING), "more": (MORE, RECORDING_OF_MORE), "rude": (RUDE, RECORDING_OF_RUDE)}
_READY_LIMIT_S = 90.0


class _Alone(Recorder):
    """Waits for a new copter's position first."""

    def _begin(self, chapter: Chapter) -> None:
        self._wire = 0
        if chapter.begins == "boot":
            return
        self._say(mode(GUIDED))
        self._need(chapter, lambda s: s.position and s.prearm, _READY_LIMIT_S, "ready to arm")
        super()._begin(chapter)


def record_ours(chapters: Iterable[Chapter] = ALONE) -> dict[str, Line]:
    """Our simulator."""
    return {line["name"]: line for chapter in chapters for line in _Alone(OurCopter(len(WIRES))).run([chapter])}


async def record_real(binary: Path, path: Path, chapters: Iterable[Chapter] = ALONE) -> None:
    """ArduCopter in SITL, into a file: a header, then a line a stimulus, chapter by chapter."""
    for number, chapter in enumerate(chapters):
        home, ports = GeoPoint(*HOME, Datum.SEA_LEVEL), tuple(free_port(socket.SOCK_DGRAM) for _ in WIRES)
        async with SitlVehicle(
            binary, home, speedup=SPEEDUP, instances=INSTANCES, gimbal_and_camera=False, grounds=ports
        ) as vehicle:
            lines: list[object] = []
            if number == 0:
                lines.append({"vehicle": vehicle.version_text, "model": "quad", "speedup": SPEEDUP, "home": HOME})
            lines += await asyncio.to_thread(_chapter, [f"udpin:127.0.0.1:{port}" for port in ports], chapter)
        await asyncio.to_thread(_append, path, lines, anew=number == 0)


def _append(path: Path, lines: Iterable[object], *, anew: bool) -> None:
    with path.open("w" if anew else "a", encoding="utf-8") as out:
        out.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def _chapter(urls: list[str], chapter: Chapter) -> list[Line]:
    copter = RealCopter(*urls)
    try:
        return list(_Alone(copter).run([chapter]))
    finally:
        copter.close()


def main(arguments: list[str]) -> None:
    """See above."""
    chapters, recording = SCRIPTS[arguments[0]]
    if arguments[1:2] == ["real"]:
        asyncio.run(record_real(need_binary(), Path(arguments[2]), chapters))
        return
    for name, told in compare(load(recording)[1], record_ours(chapters), load_variants()).items():
        print(f"{name}: {'; '.join(told)}")


if __name__ == "__main__":
    main(sys.argv[1:])
