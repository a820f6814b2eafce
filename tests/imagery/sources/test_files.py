"""Recorded frames: every one is handed out, what is broken is counted, the end is clean."""

from __future__ import annotations

import asyncio
from pathlib import Path

import cv2
import numpy as np
import pytest

from imagery.frame import FrameKind
from imagery.sources import FolderSource, SourceError, StreamSource, VideoFile, open_camera, pictures_in
from tests.imagery.sources.nut import counts, nut

STAMPS = [100.0 + step / 9 for step in range(12)]


@pytest.mark.parametrize("codec", ["rawvideo", "ffv1"])
def test_a_lossless_video_is_read_to_the_last_bit(tmp_path: Path, codec: str) -> None:
    (tmp_path / "a.nut").write_bytes(nut(STAMPS, codec=codec))
    source = VideoFile(tmp_path / "a.nut", 1, "x")
    frames = list(source.read())
    assert [f.stamp_s for f in frames] == pytest.approx(STAMPS, abs=1e-6)
    for seq, frame in enumerate(frames):
        assert np.array_equal(frame.image, counts(seq))
    first = frames[0]
    assert (first.vehicle, first.camera, first.clock, first.kind) == (7, "1/100", "vehicle-boot", FrameKind.COUNTS)
    assert (first.kelvin_per_count, first.saturated_count) == (0.02, 60_000)
    assert (source.state, source.lost, source.received) == ("ended", 0, 12)


@pytest.mark.parametrize("share", [0.2, 0.55, 0.97])
def test_a_truncated_video_ends_cleanly_and_says_so(tmp_path: Path, share: float) -> None:
    data = nut(STAMPS)
    (tmp_path / "cut.nut").write_bytes(data[: int(len(data) * share)])
    source = VideoFile(tmp_path / "cut.nut", 1, "x")
    frames = list(source.read())
    assert 0 < len(frames) < 12
    for seq, frame in enumerate(frames):
        assert np.array_equal(frame.image, counts(seq))
    assert source.state == "ended" and source.lost >= 1 and source.reason


def test_what_is_no_video_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"not a video at all" * 40)
    with pytest.raises(SourceError, match=r"a\.mp4: not a video"):
        list(VideoFile(tmp_path / "a.mp4", 1, "x").read())
    with pytest.raises(SourceError, match="no such video file"):
        VideoFile(tmp_path / "missing.mp4", 1, "x")


async def test_a_video_file_has_the_face_of_a_stream(tmp_path: Path) -> None:
    (tmp_path / "a.nut").write_bytes(nut(STAMPS))
    source = open_camera(f"file:{tmp_path / 'a.nut'}", 1, "x")
    assert [frame.seq async for frame in source.frames()] == list(range(1, 13))
    assert source.state == "ended"


def _picture(path: Path, level: int) -> None:
    done, data = cv2.imencode(".png", np.full((48, 64), level, np.uint8))
    assert done
    path.write_bytes(data.tobytes())


def test_pictures_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("10.png", "2.png", "1.png", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    assert [path.name for path in pictures_in(tmp_path)] == ["1.png", "2.png", "10.png"]
    with pytest.raises(SourceError, match="not a folder"):
        pictures_in(tmp_path / "missing")


async def test_a_folder_is_watched_and_its_broken_pictures_are_counted(tmp_path: Path) -> None:
    _picture(tmp_path / "2018080501004480Z.png", 50)
    (tmp_path / "2018080501004490Z.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    source = FolderSource(tmp_path, 3, "sky", poll_s=0.01)
    seen = []

    async def watch() -> None:
        async for frame in source.frames():
            seen.append(frame)
            if len(seen) == 1:
                _picture(tmp_path / "2018080501004580Z.png", 60)
            else:
                source.close()

    await asyncio.wait_for(watch(), 10.0)
    assert [f.image[0, 0] for f in seen] == [50, 60]
    assert (seen[0].clock, seen[0].stamp_s, seen[0].vehicle, seen[0].camera) == ("utc", 1533430844.8, 3, "sky")
    assert source.unreadable == 1 and "2018080501004490Z.png" in source.reason


async def test_a_folder_that_is_not_watched_ends(tmp_path: Path) -> None:
    for step in range(3):
        _picture(tmp_path / f"{step}.png", step)
    (tmp_path / "9.png").write_bytes(b"")
    source = FolderSource(tmp_path, 1, "x", poll_s=0.01, watch=False)
    assert [frame.name async for frame in source.frames()] == ["0.png", "1.png", "2.png"]
    assert source.unreadable == 1 and source.state == "ended"


def test_a_camera_url_that_is_none_is_refused(tmp_path: Path) -> None:
    assert isinstance(open_camera("tcp://127.0.0.1:1", 1, "x"), StreamSource)
    for url in ("", "http://x", "tcp:1", "file:", "dir:"):
        with pytest.raises(SourceError, match="allowed are rtsp"):
            open_camera(url, 1, "x")
    with pytest.raises(SourceError, match="not a folder"):
        open_camera(f"dir:{tmp_path / 'no'}", 1, "x")
