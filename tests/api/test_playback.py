"""A recording shown again: pictures when their time has come, and the map that the crew had under them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from api.playback import Playback
from api.situation import Situation
from api.store.incident import IncidentError, read_basemap, write_basemap
from api.store.video import VideoRecorder
from imagery.frame import Frame
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
