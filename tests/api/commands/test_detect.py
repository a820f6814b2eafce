"""`detect …` on the command line: one JSON line a file, masks, and one readable line for every mistake."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from api.commands import detect as command


def _run(*words: object) -> int:
    parser = argparse.ArgumentParser()
    command.register(parser.add_subparsers(dest="verb", required=True))
    return command.run(parser.parse_args(["detect", *map(str, words)]))


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.fixture
def burning(tmp_path: Path) -> Path:
    celsius = np.random.default_rng(1).normal(20.0, 0.3, (120, 160)).astype(np.float32)
    cv2.circle(celsius, (50, 40), 4, 400.0, -1)
    cv2.imwrite(str(tmp_path / "fire.tiff"), celsius)
    return tmp_path / "fire.tiff"


def test_a_fire_is_one_line_with_its_temperature(burning: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(burning) == 0
    (line,) = _lines(capsys)
    assert (line["file"], line["width"], line["height"], line["radiometric"]) == (str(burning), 160, 120, True)
    (hotspot,) = line["hotspots"]
    assert (hotspot["u"], hotspot["v"]) == pytest.approx((50.0, 40.0), abs=0.1)
    assert hotspot["peak_c"] == pytest.approx(400.0, abs=0.1) and hotspot["contrast"] == pytest.approx(380.0, abs=3.0)
    assert hotspot["bbox"] == [46, 36, 9, 9] and hotspot["area_px"] > 40


def test_blind_sees_the_fire_and_no_temperature(burning: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(burning, "--blind") == 0
    (line,) = _lines(capsys)
    assert line["radiometric"] is False
    assert [hotspot["peak_c"] for hotspot in line["hotspots"]] == [None]


def test_masks_are_white_where_it_is_hot(burning: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(burning, "--masks", tmp_path / "masks") == 0
    mask = cv2.imread(str(tmp_path / "masks" / "fire.png"), cv2.IMREAD_UNCHANGED)
    assert mask is not None and mask.dtype == np.uint8 and mask.shape == (120, 160)
    assert set(np.unique(mask)) == {0, 255} and mask[40, 50] == 255
    assert np.count_nonzero(mask) == _lines(capsys)[0]["hotspots"][0]["area_px"]


def test_two_files_must_not_write_one_mask(burning: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    twin = tmp_path / "other" / "fire.png"
    twin.write_bytes(b"")
    with pytest.raises(ValueError, match="would both write"):
        _run(burning, twin, "--masks", tmp_path / "masks")


def test_a_bad_file_does_not_keep_the_others_from_their_line(
    burning: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    assert _run(tmp_path / "notes.txt", tmp_path / "missing.tiff", burning) == 2
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 1
    assert [name in line for name, line in zip(("notes.txt", "missing.tiff"), err.splitlines(), strict=True)] == [
        True
    ] * 2
    assert "Traceback" not in err


def test_a_folder_stands_for_its_pictures(burning: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(burning.parent) == 0
    assert [line["file"] for line in _lines(capsys)] == [str(burning)]


def test_counts_need_a_scale_that_can_be_one(burning: Path) -> None:
    with pytest.raises(ValueError, match="--kelvin-per-count"):
        _run(burning, "--kelvin-per-count", "0")


def test_real_palette_jpegs_get_no_degrees(testdata: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(testdata / "dji-rjpeg") == 0
    lines = _lines(capsys)
    assert len(lines) == 5
    for line in lines:
        assert line["radiometric"] is False
        assert all(hotspot["peak_c"] is None for hotspot in line["hotspots"])
