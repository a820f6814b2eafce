"""A camera at the machine itself: how it is asked for, and what its numbers mean. No device is needed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imagery.frame import FrameKind
from imagery.sources import DeviceSource, SequenceFile, SourceError, VideoFile, open_camera, recorded
from imagery.sources.container import frames_of
from imagery.sources.device import parse_device
from tests.imagery.readers.pictures import made
from tests.imagery.sources.nut import counts, nut
from tests.imagery.sources.transport import local_set, transport_stream


def test_options_become_v4l2s_and_the_meaning_of_the_counts() -> None:
    device, options, tags = parse_device("/dev/video2?kelvin_per_count=0.01&size=640x512&rate=60")
    assert device == "/dev/video2" and tags == {"kelvin_per_count": "0.01"}
    assert options == {"input_format": "gray16le", "video_size": "640x512", "framerate": "60"}
    assert isinstance(open_camera("v4l2:/dev/video0", 1, "1/100"), DeviceSource)


@pytest.mark.parametrize(
    "spec, words",
    [
        ("/dev/video0?gain=3", "option 'gain'; allowed are kelvin_per_count"),
        ("video0", "allowed is a device such as /dev/video0"),
        ("/dev/video0?kelvin_per_count=0", "kelvin_per_count '0'; allowed"),
        ("/dev/video0?kelvin_per_count=nan", "'nan'; allowed"),
        ("/dev/video0?kelvin_offset=1", "needs kelvin_per_count"),
        ("/dev/video0?size=640", "allowed is WIDTHxHEIGHT"),
        ("/dev/video0?rate=fast", "rate 'fast'"),
    ],
)
def test_a_slip_is_named(spec: str, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        open_camera(f"v4l2:{spec}", 1, "1/100")


def test_sixteen_bits_without_a_scale_are_a_picture_and_never_a_temperature(tmp_path: Path) -> None:
    import av

    (tmp_path / "a.nut").write_bytes(nut([0.0], tags={}))
    kinds = {}
    for name, told, band in (
        ("plain", {}, "thermal"),
        ("told", {"kelvin_per_count": "0.01"}, "thermal"),
        ("day", {}, "visible"),
    ):
        with av.open(str(tmp_path / "a.nut")) as container:
            (frame,) = frames_of(container, 1, "1/100", band, told=told)
        kinds[name] = frame.kind
        if name == "plain":
            assert frame.image.dtype == np.uint8 and frame.image.min() == 0 and frame.image.max() == 255
        if name == "told":
            assert np.array_equal(frame.image, counts(0)) and frame.kelvin_per_count == 0.01
    assert kinds == {"plain": FrameKind.AGC8, "told": FrameKind.COUNTS, "day": FrameKind.VISIBLE}


def test_a_recording_is_told_by_its_first_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(made() * 2)
    assert isinstance(recorded(tmp_path / "a.mp4", 1, "x"), SequenceFile)
    (tmp_path / "b.seq").write_bytes(nut([0.0]))
    assert isinstance(recorded(tmp_path / "b.seq", 1, "x"), VideoFile)


def test_a_stream_with_misb_metadata_has_their_time(tmp_path: Path) -> None:
    pictures = [np.full((48, 64), 40 * n, np.uint8) for n in range(4)]
    sets = [local_set(1_773_523_800.0 + 0.5 * n, spoilt=n == 2) for n in range(4)]
    (tmp_path / "a.ts").write_bytes(transport_stream(pictures, sets))
    frames = list(VideoFile(tmp_path / "a.ts", 1, "1/100").read())
    assert [frame.clock for frame in frames] == ["utc"] * 4
    assert [frame.stamp_s - 1_773_523_800.0 for frame in frames] == pytest.approx([0.0, 0.48, 1.0, 1.48], abs=0.03)
    assert all(frame.time_sigma_s == 0.05 for frame in frames)
