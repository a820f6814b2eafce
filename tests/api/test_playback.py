"""A recording shown again: pictures when their time has come, and the map that the crew had under them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from api.mapper import Mapper
from api.playback import Playback
from api.recorded_map import RecordedMap
from api.situation import Situation
from api.store.incident import IncidentError, read_basemap, write_basemap
from api.store.video import VideoRecorder
from imagery.frame import Frame
from imagery.incident import Surroundings
from tests.api.conftest import CAMERA, UTC_S


def _video(folder: Path, frame: Callable[..., Frame]) -> None:
    recorder = VideoRecorder(folder / "video", CAMERA)
    for n in range(8):
        recorder.write(frame(n))
    recorder.close()


async def test_a_recording_that_runs_faster_than_pictures_can_be_drawn_still_shows_some_with_their_time(
    situation_of: Callable[..., Situation], frame: Callable[..., Frame]
) -> None:
    situation = situation_of("wiedergabe")
    _video(situation.incident.folder, frame)
    situation.replay_utc_s = UTC_S + 500.0
    (eye,) = situation.eyes.values()
    await Playback(situation.incident.folder, situation, lambda: False).video(eye)
    count, header, _ = await situation.desk.newer(CAMERA, 0)
    assert count == 1, "all eight are late: one is drawn at once, and the next only a second later"
    assert header["time_s"] == pytest.approx(UTC_S) and header["mode"] == "wiedergabe"


async def test_a_recording_at_its_own_pace_shows_every_picture(
    situation_of: Callable[..., Situation], frame: Callable[..., Frame]
) -> None:
    situation = situation_of("wiedergabe")
    _video(situation.incident.folder, frame)
    situation.replay_utc_s = UTC_S + 0.3
    (eye,) = situation.eyes.values()
    await Playback(situation.incident.folder, situation, lambda: False).video(eye)
    count, header, _ = await situation.desk.newer(CAMERA, 0)
    assert count == 8 and header["time_s"] == pytest.approx(UTC_S + 0.7)


async def test_the_thermal_map_of_a_recording_is_the_one_that_its_flight_made(
    situation_of: Callable[..., Situation], frame: Callable[..., Frame], observation: Any, surroundings: Surroundings
) -> None:
    live = situation_of()
    for n in range(8):
        live.mapper.keep(frame(n))
        live.replay(observation(n, refusal="flat-field" if n == 3 else ""), surroundings, now_s=0.1 * n)
    live.mapper.settle()
    live.incident.journal.flush()
    _video(live.incident.folder, frame)
    again = situation_of("wiedergabe")
    again.replay_utc_s = UTC_S + 500.0
    (eye,) = again.eyes.values()
    playback = Playback(live.incident.folder, again, lambda: False)
    await playback.video(eye)  # pictures first, what the journal says of them later: they wait for each other
    assert again.mapper.told() is None
    await playback.journal()
    again.mapper.settle()
    assert again.mapper.told() == live.mapper.told() == {"unit": "°C", "frames": 7, "last_s": UTC_S + 0.7}
    flown, shown = (one.mapper.read(lambda made: made.mosaic("hottest", now_s=UTC_S)) for one in (live, again))
    assert flown is not None and shown is not None
    assert np.array_equal(flown.values, shown.values, equal_nan=True)


def test_a_picture_is_laid_only_where_the_journal_speaks_of_its_moment(
    frame: Callable[..., Frame], observation: Any, surroundings: Surroundings
) -> None:
    mapper = Mapper(lambda *words, **facts: None)
    recorded = RecordedMap(mapper)
    view = surroundings.view(observation(0))
    recorded.picture(frame(0), None)
    recorded.picture(frame(1), UTC_S + 0.1)
    recorded.picture(frame(2), UTC_S + 0.12)
    recorded.observation(observation(5), view)
    recorded.observation(observation(1, placed=False), None)
    mapper.settle()
    assert mapper.told() is None
    recorded.observation(observation(1), view)  # the nearer of two
    recorded.picture(frame(9), UTC_S + 0.5)
    mapper.settle()
    told = mapper.told()
    assert told is not None and (told["frames"], told["last_s"]) == (2, UTC_S + 0.5)
    mapper.close()


def test_the_map_of_a_run_is_kept_with_it(tmp_path: Path) -> None:
    town: dict[str, object] = {"type": "FeatureCollection", "features": [{"properties": {"kind": "straße"}}]}
    write_basemap(tmp_path, {})
    assert read_basemap(tmp_path) == {} and not list(tmp_path.iterdir())
    write_basemap(tmp_path, town)
    assert read_basemap(tmp_path) == town


@pytest.mark.parametrize("text", ["{", "[1]"])
def test_a_damaged_map_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "basemap.geojson").write_text(text)
    with pytest.raises(IncidentError, match=r"basemap\.geojson"):
        read_basemap(tmp_path)
