"""A plan's picture as PNG: the shapes of `missions.sketch`, drawn by OpenCV."""

from __future__ import annotations

import cv2
import numpy as np

from missions.sketch import Label, Line, Picture, Spot

_FINER = 2
_SHIFT = 4
_TINT = 0.15
_DASH_PX, _GAP_PX = 7.0, 5.0


def to_png(picture: Picture) -> bytes:
    """The bytes of a PNG, drawn at twice the size and brought down: text and thin lines stay smooth."""
    canvas = np.full((picture.height * _FINER, picture.width * _FINER, 3), 255, np.uint8)
    for shape in picture.shapes:
        match shape:
            case Line():
                _line(canvas, shape)
            case Spot():
                middle = (round(shape.x * _FINER), round(shape.y * _FINER))
                cv2.circle(canvas, middle, round(shape.radius * _FINER), _bgr(shape.colour), -1, cv2.LINE_AA)
            case Label():
                _label(canvas, shape)
    small = cv2.resize(canvas, (picture.width, picture.height), interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".png", small)[1])


def _bgr(colour: str) -> tuple[int, int, int]:
    return int(colour[5:7], 16), int(colour[3:5], 16), int(colour[1:3], 16)


def _line(canvas: np.ndarray, line: Line) -> None:
    points = np.asarray(line.points, np.float64) * _FINER
    fixed = np.round(points * (1 << _SHIFT)).astype(np.int32)
    if line.fill:
        tinted = canvas.copy()
        cv2.fillPoly(tinted, [fixed], _bgr(line.fill), cv2.LINE_AA, _SHIFT)
        cv2.addWeighted(tinted, _TINT, canvas, 1.0 - _TINT, 0.0, canvas)
        points = np.vstack([points, points[:1]])
        fixed = np.vstack([fixed, fixed[:1]])
    width = max(1, round(line.width * _FINER))
    pieces = _dashes(points) if line.dashed else [fixed]
    cv2.polylines(canvas, pieces, False, _bgr(line.colour), width, cv2.LINE_AA, _SHIFT)


def _dashes(points: np.ndarray) -> list[np.ndarray]:
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    starts = np.arange(0.0, along[-1], (_DASH_PX + _GAP_PX) * _FINER)
    found = []
    for start in starts:
        at = np.array([start, min(start + _DASH_PX * _FINER, along[-1])])
        ends = np.column_stack([np.interp(at, along, points[:, axis]) for axis in (0, 1)])
        found.append(np.round(ends * (1 << _SHIFT)).astype(np.int32))
    return found


def _label(canvas: np.ndarray, label: Label) -> None:
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, label.size * _FINER / 30.0
    wide = cv2.getTextSize(label.text, font, scale, 2)[0][0]
    left = label.x * _FINER - {"start": 0.0, "middle": 0.5, "end": 1.0}[label.anchor] * wide
    cv2.putText(
        canvas, label.text, (round(left), round(label.y * _FINER)), font, scale, _bgr(label.colour), 2, cv2.LINE_AA
    )  # fmt: skip
