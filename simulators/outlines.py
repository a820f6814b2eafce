"""Fires and things as exact outlines in a picture of radiance: projected by OpenCV, mixed by the share of each pixel.

An outline of several pixels is drawn at four times the resolution; a spot smaller than that is shared out to the four
pixels around it by its solid angle. Either way the sum over the picture is right, whatever the pixels are: that is why
a small ember reads too cold.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from missions.geometry.camera import CameraProfile
from simulators.radiance import Floats, Raster, kelvin_of

_FINE = 4
_NEAREST_M = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Eye:
    """Where the lens is, east-north-up metres (up = above sea level), and (3, 3) ENU from camera axes."""

    enu: Floats
    enu_from_camera: Floats


@dataclass(frozen=True, slots=True)
class InView:
    """A fire (or a person) in a frame: its number, centre pixel, diameter in pixels of the disc of the same area.

    Only what is unoccluded and wholly inside the frame. ``contrast_k``: how much warmer than before it was put there
    the hottest pixel reads that it is in, without air, smoke and lens.
    """

    number: int
    u: float
    v: float
    diameter_px: float
    kind: str = "fire"
    contrast_k: float = 0.0


class Lens:
    """The projection of one camera: OpenCV's, which the ground side does not use."""

    def __init__(self, profile: CameraProfile) -> None:
        self.width, self.height, self.focal_px = profile.width, profile.height, profile.fx
        self._k = np.array([[profile.fx, 0, profile.cx], [0, profile.fy, profile.cy], [0, 0, 1.0]])
        self._d = np.array([profile.k1, profile.k2, profile.p1, profile.p2, profile.k3])
        self._widest = 0.75 * max(profile.width / profile.fx, profile.height / profile.fy) + 0.3

    def directions(self, columns: Floats, rows: Floats) -> Floats:
        """(rows, columns, 3) directions in camera axes with z = 1."""
        uv = np.stack(np.meshgrid(columns, rows), axis=-1)
        plane = cv2.undistortPoints(uv.reshape(-1, 1, 2), self._k, self._d).reshape(*uv.shape)
        return np.concatenate([plane, np.ones((*plane.shape[:2], 1))], axis=-1)

    def pixels_of(self, points: Floats, eye: Eye) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        """(N, 3) ENU → (N, 2) px, (N,) metres along the axis, and which are in front and not far aside."""
        camera = (points - eye.enu) @ eye.enu_from_camera
        deep = camera[:, 2]
        safe = np.maximum(deep, _NEAREST_M)
        fits = (deep > _NEAREST_M) & (np.abs(camera[:, :2]) < self._widest * safe[:, None]).all(axis=1)
        camera[~fits] = (0.0, 0.0, 1.0)  # the distortion's polynomial folds far aside
        pixels, _ = cv2.projectPoints(camera, np.zeros(3), np.zeros(3), self._k, self._d)
        return np.asarray(pixels, np.float64).reshape(-1, 2), deep, fits


def window_of(outline: Floats, shape: tuple[int, ...], margin: int = 2) -> tuple[slice, slice] | None:
    """(rows, columns) around an outline (K, 2) px, cut at the border; None when it is outside."""
    (u0, v0), (u1, v1) = np.floor(outline.min(axis=0)) - margin, np.ceil(outline.max(axis=0)) + margin + 1
    x0, y0, x1, y1 = max(0, int(u0)), max(0, int(v0)), min(shape[1], int(u1)), min(shape[0], int(v1))
    return None if x0 >= x1 or y0 >= y1 else (slice(y0, y1), slice(x0, x1))


def share_of(outline: Floats, window: tuple[slice, slice]) -> Raster:
    """The share of each pixel of a window that an outline (K, 2) px covers, 0..1."""
    high, wide = (part.stop - part.start for part in window)
    mask = np.zeros((high * _FINE, wide * _FINE), np.float32)
    # fillPoly takes the rim with it, half a fine pixel all around.
    middle = outline.mean(axis=0)
    radius = max(0.3, float(np.sqrt(cv2.contourArea(outline.astype(np.float32)) / np.pi)))
    inner = middle + (outline - middle) * (1.0 - 0.5 / _FINE / radius)
    # A pixel's centre is at +0.5 of its own cell: pixel coordinate x lies at (x - corner + 0.5) cells.
    fine = (inner - (window[1].start, window[0].start) + 0.5) * _FINE - 0.5
    cv2.fillPoly(mask, [np.round(fine * 16).astype(np.int32)], 1.0, shift=4)
    return np.asarray(cv2.resize(mask, (wide, high), interpolation=cv2.INTER_AREA), np.float32)


def wrapped_noise(rng: np.random.Generator, size: int, blur_px: float) -> Floats:
    """(size, size) smooth noise that goes on at its other side, of deviation 1 / (2 √π blur)."""
    border = math.ceil(4 * blur_px)
    rough = np.pad(rng.standard_normal((size, size)), border, mode="wrap")
    smooth = np.asarray(cv2.GaussianBlur(rough, (0, 0), blur_px), np.float64)
    return smooth[border:-border, border:-border]


def contrast_k(radiance: float, behind: float) -> float:
    """Kelvin that one band radiance reads above another."""
    hot, cold = kelvin_of([radiance, behind])
    return float(hot) - float(cold)


def splat(picture: Raster, uv: Floats, area_px: Floats, radiance: Floats) -> None:
    """Spots smaller than a pixel or two, (N,) each: their solid angle in pixels goes to the four around them."""
    height, width = picture.shape
    low = np.floor(uv).astype(np.int64)
    part = uv - low
    for dx in (0, 1):
        for dy in (0, 1):
            x, y = low[:, 0] + dx, low[:, 1] + dy
            weight = np.abs(1 - dx - part[:, 0]) * np.abs(1 - dy - part[:, 1]) * area_px
            ok = (x >= 0) & (y >= 0) & (x < width) & (y < height)
            for x_, y_, w_, l_ in zip(x[ok], y[ok], np.minimum(weight[ok], 1.0), radiance[ok], strict=True):
                picture[y_, x_] += np.float32(w_ * (l_ - float(picture[y_, x_])))
