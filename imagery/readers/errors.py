"""What a reader says when a file cannot be read, and the limits that keep a hostile file from eating the machine."""

from __future__ import annotations

# The largest thermal cameras have 2 Mpx, daylight ones 100; more is a decompression bomb.
MAX_PIXELS = 120_000_000
MIN_SIDE, MAX_SIDE = 8, 20_000
# What a decoder may be asked to make of a file: 100 Mpx in colour fit, and any thermal picture.
MAX_DECODED_BYTES = 400_000_000
# A progressive picture has ten passes; each one more costs another walk over all pixels.
MAX_SCANS = 100


class ReadError(ValueError):
    """A file that cannot be read: names the file, what is wrong with it and what is allowed."""


def require_size(name: str, width: int, height: int, bytes_a_pixel: int = 3) -> None:
    """Raise ReadError for a size, as the header claims it, that no camera has."""
    if min(width, height) < MIN_SIDE or max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise ReadError(
            f"{name}: the header claims {width}×{height} px; allowed are {MIN_SIDE} to {MAX_SIDE} px a side "
            f"and {MAX_PIXELS // 1_000_000} Mpx"
        )
    if width * height * bytes_a_pixel > MAX_DECODED_BYTES:
        raise ReadError(
            f"{name}: the header claims {width}×{height} px of {bytes_a_pixel} bytes; allowed are "
            f"{MAX_DECODED_BYTES // 1_000_000} MB"
        )
