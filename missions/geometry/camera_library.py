"""Profiles of thermal cameras that fly often, from what their makers print; for the day before they are calibrated.

A data sheet gives the pixels, their pitch and the focal length, from which follows the scale in the middle of the
picture, and a field of view, in which the lens's distortion is contained. The profile takes the first; how far the
second disagrees is how far the scale may be off, and goes into every ellipse (at least 2 %). Distortion and the way it
is screwed on are nobody's to print: the offsets are zero with wide sigmas until ``locate --calibrate`` has found them.
Lenses so wide that the two disagree by more than 8 % (Boson 4.9 mm, Vue and WIRIS 9 mm) are left out: they bend far too
much to be guessed, and have to be calibrated.

``source`` says where each figure is from. Where it says "by the figures alone", the sheet itself was not at hand: the
focal length and the field of view were known from different places and agree. Figures of a gimbal camera are those of
its thermal lens.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from missions.geometry.camera import CameraProfile, ProfileError

_LEAST_SCALE_SIGMA, _MOST_APART = 0.02, 0.08
_FLIR_BOSON = "FLIR Boson data sheet 102-2013-40, release 340, March 2021 (pixels); lens table"
_FLIR_VUE = "FLIR Vue Pro / Vue Pro R data sheet (pixels, lenses), by the figures alone; 13 mm and 17 µm also in EXIF"
_WORKSWELL = (
    "Workswell WIRIS Pro data sheet (pixels, lenses), by the figures alone; scale as Workswell's own calculator"
)
_SIYI = "SIYI user manual, chapter on the thermal camera, by the figures alone"


@dataclass(frozen=True, slots=True)
class LibraryCamera:
    """What a maker prints. ``hfov_deg``: horizontal field of view; ``netd_k``: noise; ``models``: words it is told by.

    ``mount``: how it is usually carried.
    """

    name: str
    vendor: str
    models: tuple[str, ...]
    width: int
    height: int
    pitch_um: float
    focal_mm: float
    hfov_deg: float
    netd_k: float
    mount: str
    source: str

    @property
    def focal_px(self) -> float:
        """Scale in the middle of the picture, by focal length and pitch."""
        return self.focal_mm * 1000.0 / self.pitch_um

    @property
    def apart(self) -> float:
        """By how much the scale from the field of view disagrees with it."""
        return abs(self.width / 2.0 / math.tan(math.radians(self.hfov_deg) / 2.0) / self.focal_px - 1.0)

    def profile(self) -> CameraProfile:
        """The profile, with sigmas that say that nothing in it was measured."""
        return CameraProfile(
            name=self.name,
            width=self.width,
            height=self.height,
            fx=self.focal_px,
            fy=self.focal_px,
            cx=(self.width - 1) / 2.0,
            cy=(self.height - 1) / 2.0,
            mount=self.mount,
            band="thermal",
            time_offset_s=0.2,
            time_offset_sigma_s=0.15,
            boresight_sigma_deg=2.0,
            boresight_yaw_sigma_deg=3.0,
            scale_sigma=max(_LEAST_SCALE_SIGMA, self.apart),
            pixel_sigma_px=2.0,
            netd_k=self.netd_k,
        )


def _boson(width: int, height: int, focal_mm: float, hfov_deg: float) -> LibraryCamera:
    name = f"flir-boson-{width}-{focal_mm:g}mm"
    return LibraryCamera(name, "FLIR", ("boson",), width, height, 12.0, focal_mm, hfov_deg, 0.05, "gimbal", _FLIR_BOSON)


def _vue(width: int, height: int, focal_mm: float, hfov_deg: float) -> LibraryCamera:
    name = f"flir-vue-pro-{width}-{focal_mm:g}mm"
    return LibraryCamera(name, "FLIR", ("vue",), width, height, 17.0, focal_mm, hfov_deg, 0.05, "fixed", _FLIR_VUE)


def _wiris(focal_mm: float, hfov_deg: float) -> LibraryCamera:
    name = f"workswell-wiris-pro-{focal_mm:g}mm"
    return LibraryCamera(name, "Workswell", ("wiris",), 640, 512, 17.0, focal_mm, hfov_deg, 0.05, "gimbal", _WORKSWELL)


_ALL = (
    LibraryCamera("siyi-zt6-thermal", "SIYI", ("zt6",), 640, 512, 12.0, 13.0, 32.9, 0.05, "gimbal", _SIYI),
    LibraryCamera("siyi-zt30-thermal", "SIYI", ("zt30",), 640, 512, 12.0, 19.0, 22.9, 0.05, "gimbal", _SIYI),
    _boson(640, 512, 8.7, 50.0),
    _boson(640, 512, 14.0, 32.0),
    _boson(640, 512, 18.0, 24.0),
    _boson(640, 512, 25.0, 18.0),
    _boson(320, 256, 6.3, 34.0),
    _boson(320, 256, 9.1, 24.0),
    _vue(640, 512, 13.0, 45.0),
    _vue(640, 512, 19.0, 32.0),
    _vue(336, 256, 6.8, 45.0),
    _vue(336, 256, 9.0, 35.0),
    _vue(336, 256, 13.0, 25.0),
    _wiris(13.0, 45.0),
    _wiris(19.0, 32.0),
)
LIBRARY = {camera.name: camera for camera in _ALL if camera.apart <= _MOST_APART}


def library_profile(name: str) -> CameraProfile:
    """A profile by its name. Raises ProfileError naming all there are."""
    if name not in LIBRARY:
        raise ProfileError(f"camera profile {name!r} is not in the library; there are {', '.join(LIBRARY)}")
    return LIBRARY[name].profile()


def profile_named_by(vendor: str, model: str) -> str | None:
    """The profile that fits what a camera says of itself; None where none does, or its lens is not told."""
    told = f"{vendor} {model}".lower().replace("-", " ").replace("_", " ").split()
    fits = [
        camera for camera in LIBRARY.values() if any(word.startswith(name) for word in told for name in camera.models)
    ]
    focal = [camera for camera in fits if f"{camera.focal_mm:g}mm" in told]
    found = focal or fits
    return found[0].name if len(found) == 1 else None
