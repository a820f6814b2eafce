"""The camera's 8-bit picture and its H.264: what an ordinary decoder gets back, and where it can begin."""

from __future__ import annotations

import av
import numpy as np
import pytest

from simulators.agc import WhiteHot, zoomed
from simulators.h264 import IDR, PPS, SPS, Encoder, kind_of

KELVIN = 273.15


def counts_of(celsius: float, shape: tuple[int, int] = (64, 96)) -> np.ndarray:
    return np.full(shape, round((celsius + KELVIN) / 0.02), np.uint16)


def scene(hot_c: float | None = None) -> np.ndarray:
    """A ramp from 10 to 20 °C, and a hot corner that is 1/24 of the picture."""
    ramp = np.linspace(10.0, 20.0, 96)[None, :].repeat(64, axis=0)
    if hot_c is not None:
        ramp[:16, :16] = hot_c
    return np.round((ramp + KELVIN) / 0.02).astype(np.uint16)


def test_hot_is_white_and_the_scene_fills_the_scale() -> None:
    grey = WhiteHot().picture(scene(), 0.0)
    assert (grey[:, 0] <= 2).all() and (grey[:, -1] >= 253).all()
    assert (np.diff(grey[0].astype(int)) >= 0).all()


def test_a_fire_darkens_what_is_around_it_but_not_at_once() -> None:
    camera = WhiteHot()
    before = camera.picture(scene(), 0.0)
    first = camera.picture(scene(300.0), 0.1)
    settled = [camera.picture(scene(300.0), 0.1 * step) for step in range(2, 60)][-1]
    middle = (40, 60)
    assert settled[middle] < 20 < first[middle] < before[middle]
    assert settled[0, 0] == 255  # no count says how hot


def test_an_even_wall_is_not_stretched_to_noise() -> None:
    wall = counts_of(15.0) + np.random.default_rng(1).integers(0, 6, (64, 96), dtype=np.uint16)
    assert np.ptp(WhiteHot().picture(wall, 0.0)) < 10


def test_zoom_shows_the_middle_larger() -> None:
    picture = np.arange(64 * 96, dtype=np.uint16).reshape(64, 96)
    assert zoomed(picture, 1.0) is picture
    twice = zoomed(picture, 2.0)
    assert twice.shape == picture.shape
    assert (twice[::2, ::2] == picture[16:48, 24:72]).all() and (twice[1::2, 1::2] == twice[::2, ::2]).all()


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder(96, 64, 10.0)


def test_a_decoder_sees_what_was_encoded_picture_by_picture(encoder: Encoder) -> None:
    decoder = av.CodecContext.create("h264", "r")
    decoder.extradata = b"".join(b"\0\0\0\1" + unit for unit in encoder.parameter_sets)
    camera = WhiteHot()
    for step in range(12):
        sent = camera.picture(scene(40.0 + step), step / 10)
        units = encoder.encode(sent, step * 9000)
        (back,) = decoder.decode(av.Packet(b"".join(b"\0\0\0\1" + unit for unit in units)))
        assert np.abs(back.to_ndarray(format="gray").astype(int) - sent).mean() < 4.0


def test_a_key_frame_comes_once_a_second_and_when_it_is_asked_for(encoder: Encoder) -> None:
    grey = WhiteHot().picture(scene(), 0.0)
    encoder.encode(grey, 10_000_000, key=True)
    kinds = [
        [kind_of(unit) for unit in encoder.encode(grey, 10_000_000 + step * 9000, key=step == 4)]
        for step in range(1, 16)
    ]
    keys = [step for step, found in enumerate(kinds, 1) if IDR in found]
    assert keys == [4, 14]
    assert all(found == ([SPS, PPS, IDR] if step in keys else [1]) for step, found in enumerate(kinds, 1))
