"""The .tlog: readable by others, whole after a crash, and a full disk never stops a flight."""

from __future__ import annotations

import resource
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from ground_station.recording import TlogWriter, read_tlog, split_tlog
from ground_station.wire import Encoder, mavlink

UTC_S = 1_773_522_000.25


def _frames(count: int = 5) -> list[bytes]:
    encoder = Encoder(1, 1)
    return [encoder.encode(mavlink.MAVLink_attitude_message(n, 0, 0, n * 0.1, 0, 0, 0)) for n in range(1, count + 1)]


def _write(path: Path, frames: list[bytes]) -> TlogWriter:
    writer = TlogWriter(path)
    for number, frame in enumerate(frames):
        writer.write(frame, UTC_S + number)
    return writer


def test_what_is_written_is_read(tmp_path: Path) -> None:
    frames = _frames()
    _write(tmp_path / "a.tlog", frames).close()
    got = list(read_tlog(tmp_path / "a.tlog"))
    assert [received.frame for _, received in got] == frames
    assert [utc_s for utc_s, _ in got] == pytest.approx([UTC_S + number for number in range(5)], abs=1e-6)


def test_a_record_is_eight_bytes_of_microseconds_and_the_frame(tmp_path: Path) -> None:
    (frame,) = _frames(1)
    writer = TlogWriter(tmp_path / "a.tlog")
    assert writer.write(frame, UTC_S) == 8 + len(frame)
    writer.close()
    assert (tmp_path / "a.tlog").read_bytes() == struct.pack(">Q", round(UTC_S * 1e6)) + frame


def test_the_offset_is_the_length_of_the_file_also_when_it_is_continued(tmp_path: Path) -> None:
    path = tmp_path / "a.tlog"
    first = _write(path, _frames(3))
    assert first.offset == path.stat().st_size  # every record is in the file at once: a kill -9 loses none
    first.close()
    assert TlogWriter(path).offset == path.stat().st_size


@pytest.mark.parametrize("cut", [1, 7, 9, 20])
def test_a_torn_end_costs_one_record(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "a.tlog"
    _write(path, _frames(5)).close()
    path.write_bytes(path.read_bytes()[:-cut])
    assert len(list(read_tlog(path))) == 4


def test_foreign_bytes_in_the_middle_are_skipped(tmp_path: Path) -> None:
    frames = _frames(4)
    records = [struct.pack(">Q", round(UTC_S * 1e6)) + frame for frame in frames]
    data = records[0] + records[1] + b"\x00garbage\xfd\x00" + records[2] + records[3]
    assert [frame for _, frame in split_tlog(data)] == frames


def test_a_file_without_mavlink_says_what_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "a.tlog"
    path.write_bytes(b"hello, I am a text file " * 20)
    with pytest.raises(ValueError, match=r"a\.tlog.*tlog \(Mission Planner"):
        list(read_tlog(path))


@pytest.fixture
def small_disk() -> Iterator[int]:
    """No file may grow beyond this many bytes: the kernel refuses the write as on a full disk."""
    limit = 150
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_counted_and_writing_goes_on_when_there_is_room(tmp_path: Path, small_disk: int) -> None:
    path, frames = tmp_path / "a.tlog", _frames(20)
    soft, hard = small_disk, resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    writer = _write(path, frames[:10])
    lost = writer.not_recorded
    assert 0 < lost < 10 and not writer.ok
    assert writer.offset == path.stat().st_size <= soft  # the half record was cut off again
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    for frame in frames[10:]:
        writer.write(frame, UTC_S + 60)
    assert writer.ok and writer.not_recorded == lost
    writer.close()
    assert [received.frame for _, received in read_tlog(path)] == frames[: 10 - lost] + frames[10:]
