"""Fires and things of a scene put into a picture, and the truth of which of them are in view."""

from __future__ import annotations

import math

import cv2
import numpy as np

from simulators.burning import Burn, Fire
from simulators.fire import Scene
from simulators.friends import Thing
from simulators.march import Marcher
from simulators.outlines import Eye, InView, Lens, contrast_k, share_of, splat, window_of, wrapped_noise
from simulators.radiance import Floats, Raster, band_radiance

_SMALL_PX = 2.5
_TEXTURED_PX = 8.0
_WHOLE = 0.9
_MARGIN_PX = 3.0
_TILE = 256
_TILE_M = 0.25
_FLICKER_M_S = 0.7


class Figures:
    """What is drawn exactly, with the surface that may hide it."""

    def __init__(self, scene: Scene, lens: Lens, marcher: Marcher) -> None:
        self._scene, self._lens, self._marcher = scene, lens, marcher
        rng = np.random.default_rng(len(scene.fires) + 5)
        rough = wrapped_noise(rng, _TILE, 2.0)
        # By rank: the share of the tile below x is x, so that a cover of 60 % hides 60 %.
        order = np.argsort(rough.ravel(), kind="stable")
        ranks = np.empty(order.size)
        ranks[order] = (np.arange(order.size) + 0.5) / order.size
        self._tile = np.pad(ranks.reshape(rough.shape).astype(np.float32), (0, 1), mode="wrap")

    def draw(
        self, picture: Raster, eye: Eye, at_s: float, east: Raster, north: Raster, metres: Raster | None
    ) -> tuple[InView, ...]:
        """Fires and things into a picture (h, w) of radiance; ``east north metres`` (h, w) are of the surface there."""
        ground = (east, north, metres)
        return (*self._fires(picture, eye, at_s, ground), *self._things(picture, eye, at_s, metres))

    # --- fires ------------------------------------------------------------------------------------------------------

    def _fires(
        self, picture: Raster, eye: Eye, at_s: float, ground: tuple[Raster, Raster, Raster | None]
    ) -> list[InView]:
        fires = self._scene.fires
        if not fires:
            return []
        burns = [fire.at(at_s) for fire in fires]
        middles = np.array([(b.east_m, b.north_m, f.height_amsl_m) for f, b in zip(fires, burns, strict=True)])
        moving = np.array([any(fire.drift_m_s) for fire in fires])
        if moving.any():
            middles[moving, 2] = self._bare(middles[moving])
        uv, deep, fits = self._lens.pixels_of(middles, eye)
        focal = self._lens.focal_px
        reach = np.array([burn.along_m for burn in burns]) * focal / np.maximum(deep, 1.0)
        size = (self._lens.width, self._lens.height)
        near = fits & (uv > -reach[:, None] - _MARGIN_PX).all(axis=1)
        near &= (uv < np.array(size) + reach[:, None] + _MARGIN_PX).all(axis=1)
        chosen = np.flatnonzero(near)
        hidden = self._marcher.hidden(eye.enu, middles[chosen])
        seen, spots = [], []
        for index in chosen[~hidden | (reach[chosen] > _TEXTURED_PX)]:  # of a large one the rest may be in view
            fire, burn = fires[index], burns[index]
            if 2 * burn.radius_m * focal / deep[index] < _SMALL_PX:
                spots.append(index)
                seen.append(self._small_view(picture, fire, burn, middles[index], uv[index], eye))
            else:
                seen.append(self._large(picture, fire, burn, uv[index], float(middles[index, 2]), eye, at_s, ground))
        if spots:
            self._spots(picture, [fires[i] for i in spots], [burns[i] for i in spots], middles[spots], uv[spots], eye)
        return [view for view in seen if view is not None]

    def _bare(self, points: Floats) -> Floats:
        """Heights of the ground itself, without what stands on it."""
        east, north = (points[None, :, axis].astype(np.float32) for axis in (0, 1))
        return np.asarray(self._scene.sample(self._scene.bare_m, east, north)[0], np.float64)

    def _heights(self, points: Floats) -> Floats:
        east, north = (points[None, :, axis].astype(np.float32) for axis in (0, 1))
        return np.asarray(self._scene.sample(self._scene.height_m, east, north)[0], np.float64)

    def _area_px(self, burn: Burn, middle: Floats, eye: Eye) -> float:
        """Solid angle of a level disc in pixels."""
        away = eye.enu - middle
        distance2 = float(away @ away)
        facing = abs(float(away[2])) / math.sqrt(distance2)
        axis = eye.enu_from_camera[:, 2]
        off_axis = max(0.2, abs(float(away @ axis)) / math.sqrt(distance2))
        return math.pi * burn.along_m * burn.across_m * facing * self._lens.focal_px**2 / distance2 / off_axis**3

    def _small_view(
        self, picture: Raster, fire: Fire, burn: Burn, middle: Floats, uv: Floats, eye: Eye
    ) -> InView | None:
        area = self._area_px(burn, middle, eye)
        u, v = float(uv[0]), float(uv[1])
        if not (1.0 <= u <= self._lens.width - 2.0 and 1.0 <= v <= self._lens.height - 2.0):
            return None
        behind, share = float(picture[round(v), round(u)]), min(1.0, area)
        contrast = contrast_k(behind + share * (self._mean_radiance(fire, burn) - behind), behind)
        return InView(fire.number, u, v, math.sqrt(4 / math.pi * area), fire.kind, contrast)

    @staticmethod
    def _mean_radiance(fire: Fire, burn: Burn) -> float:
        """Of what burns and the ash over it together."""
        hot, ash = (float(value) for value in band_radiance([burn.kelvin, fire.ash_k]))
        return (1.0 - fire.cover) * hot + fire.cover * ash

    def _spots(
        self, picture: Raster, fires: list[Fire], burns: list[Burn], middles: Floats, uv: Floats, eye: Eye
    ) -> None:
        areas = np.array([self._area_px(burn, middle, eye) for burn, middle in zip(burns, middles, strict=True)])
        sent = np.array([self._mean_radiance(fire, burn) for fire, burn in zip(fires, burns, strict=True)])
        splat(picture, uv, areas, sent)

    def _large(
        self,
        picture: Raster,
        fire: Fire,
        burn: Burn,
        uv: Floats,
        height_m: float,
        eye: Eye,
        at_s: float,
        ground: tuple[Raster, Raster, Raster | None],
    ) -> InView | None:
        ring = fire.ring(at_s)
        # A front lies over hill and hollow, a disc is level.
        ring[:, 2] = self._bare(ring) if fire.slender < 1.0 else height_m
        outline, _, fits = self._lens.pixels_of(ring, eye)
        window = window_of(outline, picture.shape) if fits.all() else None
        if window is None:
            return None
        share = share_of(outline, window)
        east, north, metres = ground
        whole = float(share.sum())
        if metres is not None:
            far = np.linalg.norm(ring - eye.enu, axis=1).min()
            share *= metres[window] > np.float32(far - 1.5)
        if fire.slender < 1.0:
            e, n = east[window], north[window]
            stands = self._scene.sample(self._scene.height_m, e, n) - self._scene.sample(self._scene.bare_m, e, n)
            share *= stands < np.float32(1.0)
        behind = float(np.median(picture[window]))
        self._mix(picture[window], share, self._texture(fire, burn, east[window], north[window], outline, at_s))
        inside = bool(
            (outline > -0.5).all() and (outline < np.array([self._lens.width, self._lens.height]) - 0.5).all()
        )
        if not inside or float(share.sum()) < _WHOLE * whole:
            return None
        diameter = float(np.sqrt(4 / math.pi * cv2.contourArea(outline.astype(np.float32))))
        contrast = contrast_k(float(picture[window][share > 0.0].max()), behind)
        return InView(fire.number, float(uv[0]), float(uv[1]), diameter, fire.kind, contrast)

    def _texture(
        self, fire: Fire, burn: Burn, east: Raster, north: Raster, outline: Floats, at_s: float
    ) -> Raster | float:
        """What a fire sends: patches of ash that stay, flames over the rest that flicker."""
        hot, ash = float(band_radiance(burn.kelvin)), float(band_radiance(fire.ash_k))
        if float(np.ptp(outline, axis=0).max()) < _TEXTURED_PX:
            return self._mean_radiance(fire, burn)
        ashes = self._sampled(east + np.float32(17.0 * fire.number), north)
        shift = np.float32(_FLICKER_M_S * at_s)
        flames = self._sampled(east + shift, north + np.float32(5.0 * fire.number) - shift)
        bare = np.clip((ashes - np.float32(fire.cover)) * np.float32(8.0) + np.float32(0.5), 0.0, 1.0)
        if fire.cover == 0.0:
            bare = np.ones_like(bare)
        bright = np.minimum(np.float32(1.0), np.float32(0.55) + np.float32(0.75) * flames)
        return np.asarray(ash + bare * (np.float32(hot) * bright - np.float32(ash)), np.float32)

    def _sampled(self, east: Raster, north: Raster) -> Raster:
        # Far from the scene the interpolated place may be anything: it is folded into the tile first.
        u = np.mod(east / np.float32(_TILE_M), np.float32(_TILE))
        v = np.mod(north / np.float32(_TILE_M), np.float32(_TILE))
        return np.asarray(cv2.remap(self._tile, u, v, cv2.INTER_LINEAR), np.float32)

    @staticmethod
    def _mix(window: Raster, share: Raster, radiance: Raster | float) -> None:
        window += share * (radiance - window)

    # --- things -----------------------------------------------------------------------------------------------------

    def _things(self, picture: Raster, eye: Eye, at_s: float, metres: Raster | None) -> list[InView]:
        things = self._scene.things
        if not things:
            return []
        stands = [thing.at(at_s) for thing in things]
        feet = np.array([(e, n, thing.height_amsl_m) for (e, n, _), thing in zip(stands, things, strict=True)])
        walking = np.array([thing.walk_m > 0.0 for thing in things])
        if walking.any():
            feet[walking, 2] = self._heights(feet[walking])
        uv, deep, fits = self._lens.pixels_of(feet, eye)
        reach = 3.0 * self._lens.focal_px / np.maximum(deep, 1.0)
        near = fits & (uv > -reach[:, None]).all(axis=1)
        near &= (uv < np.array([self._lens.width, self._lens.height]) + reach[:, None]).all(axis=1)
        chosen = np.flatnonzero(near)
        chosen = chosen[~self._marcher.hidden(eye.enu, feet[chosen] + (0.0, 0.0, 0.3))]
        return [
            view
            for index in chosen
            if (view := self._thing(picture, things[index], feet[index], stands[index][2], eye)) is not None
        ]

    def _thing(self, picture: Raster, thing: Thing, foot: Floats, turn: float, eye: Eye) -> InView | None:
        c, s = math.cos(turn), math.sin(turn)
        turned = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
        largest, whole, contrast = np.zeros((0, 2)), True, 0.0
        for body in thing.bodies:
            pixels, _, fits = self._lens.pixels_of(body.points @ turned + foot, eye)
            if not fits.all():
                return None
            hull = np.asarray(cv2.convexHull(pixels.astype(np.float32)), np.float64).reshape(-1, 2)
            window = window_of(hull, picture.shape)
            if window is None:
                whole = False
                continue
            radiance = float(band_radiance(body.kelvin))
            area = float(cv2.contourArea(hull.astype(np.float32)))
            behind = float(picture[window][0, 0])
            contrast = max(contrast, contrast_k(behind + min(1.0, area) * (radiance - behind), behind))
            if area < _SMALL_PX:
                splat(picture, hull.mean(axis=0)[None], np.array([area]), np.array([radiance]))
            else:
                self._mix(picture[window], share_of(hull, window), radiance)
            if len(largest) == 0:
                largest = hull
        size = np.array([self._lens.width, self._lens.height])
        whole = whole and len(largest) > 0 and bool((largest > -0.5).all() and (largest < size - 0.5).all())
        if not whole or thing.kind != "person":
            return None
        diameter = float(np.sqrt(4 / math.pi * cv2.contourArea(largest.astype(np.float32))))
        u, v = (float(value) for value in largest.mean(axis=0))
        return InView(thing.number, u, v, diameter, thing.kind, contrast)
