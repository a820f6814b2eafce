"""The recorded video: every picture that came is in it, bit for bit, with its stamp; what is not is counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from api.store.video import SEGMENT_S, VideoRecorder
from imagery.frame import Frame, FrameKind
from imagery.sources import VideoFile

Counts = NDArray[np.uint16]


def _frame(stamp_s: float, seed: int, *, clock: str = "vehicle-boot") -> Frame:
    image = np.random.default_rng(seed).integers(0, 65_536, (48, 64)).astype(np.uint16)
    return Frame(1, "1/100", seed, stamp_s, clock, image, FrameKind.COUNTS, kelvin_per_count=0.02, saturated_count=9)


def _record(folder: Path, frames: list[Frame]) -> VideoRecorder:
    recorder = VideoRecorder(folder, "1/100")
    for frame in frames:
        recorder.write(frame)
    recorder.close()
    return recorder


def _recorded(folder: Path) -> list[list[Frame]]:
    return [list(VideoFile(path, 1, "1/100").read()) for path in sorted(folder.glob("*.nut"))]


def test_what_was_received_comes_back_bit_for_bit_with_its_stamp_to_the_microsecond(tmp_path: Path) -> None:
    frames = [_frame(12.345678 + 0.111111 * index, index) for index in range(5)]
    recorder = _record(tmp_path, frames)
    (again,) = _recorded(tmp_path)
    assert (recorder.written, recorder.not_recorded) == (5, 0)
    for frame, back in zip(frames, again, strict=True):
        assert np.array_equal(back.image, frame.image)
        assert round(back.stamp_s * 1e6) == round(frame.stamp_s * 1e6)
        assert (back.clock, back.vehicle, back.camera, back.kelvin_per_count, back.saturated_count) == (
            "vehicle-boot", 1, "1/100", 0.02, 9,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("stamps_s", "segments"),
    [
        ([5.0, 5.1, 5.2, 4.0, 4.1], [3, 2]),  # a camera that began anew
        ([5.0, 5.2, 5.1, 5.3], [2, 2]),
        ([0.0, SEGMENT_S - 0.01, SEGMENT_S, SEGMENT_S + 0.1], [2, 2]),
        ([0.0, 0.0, 0.0, 0.0], [4]),  # pictures without a clock
        ([7.0, 7.0, 7.1], [3]),
    ],
)
def test_no_picture_is_left_out_whatever_its_clock_does(
    tmp_path: Path, stamps_s: list[float], segments: list[int]
) -> None:
    frames = [_frame(stamp_s, index) for index, stamp_s in enumerate(stamps_s)]
    recorder = _record(tmp_path, frames)
    again = _recorded(tmp_path)
    assert [len(segment) for segment in again] == segments
    assert recorder.written == len(frames) and recorder.not_recorded == 0
    for frame, back in zip(frames, [one for segment in again for one in segment], strict=True):
        assert np.array_equal(back.image, frame.image)
        assert back.stamp_s == pytest.approx(frame.stamp_s, abs=5e-6)


def test_a_folder_that_takes_nothing_costs_a_count_and_no_exception(tmp_path: Path) -> None:
    recorder = VideoRecorder(tmp_path / "gone", "1/100")
    recorder.write(_frame(1.0, 1))
    recorder.write(_frame(1.1, 2))
    assert (recorder.written, recorder.not_recorded, recorder.ok) == (0, 2, False)
    (tmp_path / "gone").mkdir()
    recorder.write(_frame(1.2, 3))
    assert not recorder.ok, "one good frame says nothing of a disk whose failures are told a frame late"
    for number in (4, 5):
        recorder.write(_frame(1.0 + number / 10, number))
    recorder.close()
    assert (recorder.written, recorder.not_recorded, recorder.ok) == (3, 2, True)
    assert [len(segment) for segment in _recorded(tmp_path / "gone")] == [3]
