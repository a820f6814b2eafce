"""Pictures as cameras write them, made byte by byte: FLIR's data alone and inside a JPEG, EXIF and XMP parts."""

from __future__ import annotations

import struct

import cv2
import numpy as np
from numpy.typing import NDArray

COUNTS = (np.arange(48 * 64, dtype=np.uint16).reshape(48, 64) * 2) + 3000
R1, R2, B, F, OFFSET = 17096.453, 0.046582058, 1428.0, 1.0, -267


def made(
    counts: NDArray[np.uint16] = COUNTS, *, order: str = "<", as_png: bool = False, emissivity: float = 1.0
) -> bytes:
    """An FFF with a raw picture and the camera's data, as the format is described."""
    height, width = counts.shape
    raw = bytearray(32)
    struct.pack_into(order + "HHH", raw, 0, 2, width, height)
    if as_png:
        done, data = cv2.imencode(".png", counts.byteswap())
        assert done
        raw += data.tobytes()
    else:
        raw += counts.astype(order + "u2").tobytes()
    camera = bytearray(0x3A0)
    struct.pack_into(order + "H", camera, 0, 2)
    struct.pack_into(order + "8f", camera, 32, emissivity, 0.0, 293.15, 293.15, 293.15, 1.0, 0.0, 0.5)
    struct.pack_into(order + "3f", camera, 88, R1, B, F)
    struct.pack_into(order + "5f", camera, 112, 0.006569, 0.01262, -0.002276, -0.00667, 1.9)
    struct.pack_into(order + "f", camera, 168, 423.15)
    camera[212:222] = b"FLIR Test\0"
    struct.pack_into(order + "if", camera, 776, OFFSET, R2)
    struct.pack_into(order + "H", camera, 786, 65535)
    struct.pack_into(order + "II", camera, 900, 1_700_000_000, 250)
    directory = bytearray(64)
    begin = 64 + len(directory)
    struct.pack_into(">H", directory, 0, 1)
    struct.pack_into(">II", directory, 12, begin, len(raw))
    struct.pack_into(">H", directory, 32, 32)
    struct.pack_into(">II", directory, 44, begin + len(raw), len(camera))
    header = bytearray(64)
    header[:4] = b"FFF\0"
    struct.pack_into(">III", header, 0x14, 100, 64, 2)
    return bytes(header + directory + raw + camera)


def inside_jpeg(data: bytes, *, piece: int = 2500, shuffled: bool = False, without: int | None = None) -> bytes:
    done, jpeg = cv2.imencode(".jpg", np.full((48, 64, 3), 120, np.uint8))
    assert done
    pieces = [data[at : at + piece] for at in range(0, len(data), piece)]
    bodies = [b"FLIR\0\1" + bytes([n, len(pieces) - 1]) + one for n, one in enumerate(pieces) if n != without]
    bodies = bodies[::-1] if shuffled else bodies
    return with_parts(*bodies, jpeg=jpeg.tobytes())


_DONE, _JPEG = cv2.imencode(".jpg", np.full((16, 16, 3), 9, np.uint8))
PLAIN = _JPEG.tobytes()


def with_parts(*bodies: bytes, jpeg: bytes = PLAIN) -> bytes:
    """APP1 parts put in front of what a JPEG has."""
    marked = b"".join(b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body for body in bodies)
    return jpeg[:2] + marked + jpeg[2:]


def xmp(pairs: str) -> bytes:
    return b"http://ns.adobe.com/xap/1.0/\0" + f"<x:xmpmeta><rdf:Description {pairs}/></x:xmpmeta>".encode()
