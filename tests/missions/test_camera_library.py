"""The library of camera profiles: its figures agree with themselves, and it claims no more than a data sheet can."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from api.settings import read_profile
from missions.geometry.camera import ProfileError
from missions.geometry.camera_library import LIBRARY, library_profile, profile_named_by


@pytest.mark.parametrize("name", LIBRARY)
def test_focal_length_and_field_of_view_agree_and_what_they_do_not_is_in_the_sigma(name: str) -> None:
    camera, profile = LIBRARY[name], library_profile(name)
    by_fov = camera.width / 2.0 / math.tan(math.radians(camera.hfov_deg) / 2.0)
    assert abs(by_fov / profile.fx - 1.0) <= profile.scale_sigma + 1e-12 <= 0.08
    assert profile.scale_sigma >= 0.02 and profile.boresight_sigma_deg >= 1.0 and profile.time_offset_sigma_s >= 0.1
    assert (profile.width, profile.height, profile.band) == (camera.width, camera.height, "thermal")
    assert (profile.cx, profile.cy) == ((camera.width - 1) / 2.0, (camera.height - 1) / 2.0)
    assert len(camera.source) > 20


def test_the_usual_cameras_are_in_it() -> None:
    for words in ("siyi-zt6", "siyi-zt30", "flir-boson-640", "flir-vue-pro-640", "workswell-wiris-pro"):
        assert any(name.startswith(words) for name in LIBRARY), words
    assert library_profile("flir-boson-640-14mm").fx == pytest.approx(14_000.0 / 12.0)


def test_a_lens_too_wide_to_be_guessed_is_not() -> None:
    assert "flir-vue-pro-640-9mm" not in LIBRARY and "flir-boson-640-4.9mm" not in LIBRARY


def test_a_camera_is_told_by_its_own_words_and_only_where_its_lens_is_clear() -> None:
    assert profile_named_by("SIYI", "ZT30") == "siyi-zt30-thermal"
    assert profile_named_by("Siyi", "ZT6-IR") == "siyi-zt6-thermal"
    assert profile_named_by("FLIR", "Boson 640") is None  # four lenses
    assert profile_named_by("einsatzdrohne", "sim-lwir-640") is None


def test_the_command_line_takes_a_name_or_a_file(tmp_path: Path) -> None:
    assert read_profile(Path("siyi-zt30-thermal")).fx == pytest.approx(19_000.0 / 12.0)
    assert read_profile(Path("flir-boson-640-8.7mm")).name == "flir-boson-640-8.7mm"  # no file with an ending
    with pytest.raises(ProfileError, match="not in the library; there are siyi-zt6-thermal"):
        read_profile(Path("siyi-zt31"))
