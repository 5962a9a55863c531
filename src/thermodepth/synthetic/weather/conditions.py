"""Weather, light and heat of one scene. Adding a condition is adding a row to `WEATHER`.

Ranges are (low, high) of a uniform draw, but for the two of the long-wave sky: those follow from what
else was drawn, since vapour and clouds are what a sky is warm by. Street air is 270..303 K; a room's air
is 290..298 K with 268..305 K behind its outer wall.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from thermodepth.errors import SettingsError, unknown
from thermodepth.synthetic.space.vectors import Vec

Range = tuple[float, float]
NIGHT_SKYLIGHT: Vec = (0.012, 0.012, 0.016)
KINDS: dict[str, float] = {"street": 0.65, "room": 0.35}  # how often each is drawn
_STREET_AIR_K: Range = (270, 303)
_ROOM_AIR_K: Range = (290, 298)
_HUMIDITY: Range = (0.3, 0.9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """One row: what a condition can look like."""

    kind: str
    share: float  # among the conditions of its kind
    sun_w_m2: Range = (0.0, 0.0)  # direct, on a surface facing the sun
    sun_elevation_deg: Range = (22.0, 62.0)
    diffuse_w_m2: Range = (0.0, 0.0)
    sky_deficit_w_m2: Range = (
        0.0,
        0.0,
    )  # what a black roof loses to a moist, clouded or a dry, clear sky
    clear_zenith: Range = (0.5, 0.5)  # 8-14 um transmission straight up, moist and dry air
    stored_k: Range = (0.0, 0.0)  # warmth kept by walls and roads
    extinction_per_m: Range = (0.0, 0.0)  # 8-14 um
    cloud: Range = (0.0, 0.0)  # 0 clear, 1 closed
    wind_m_s: Range = (0.5, 4.0)
    night_share: float = 0.0  # how often it is dark
    wet: bool = False
    lamps: bool = True  # are a room's lamps on
    sunlight: Vec = (0.0, 0.0, 0.0)  # visible, per 100 W m^-2 of sun
    skylight: Vec = (0.62, 0.64, 0.68)  # visible, under an open sky
    sky_brightness: float = 1.0
    cloud_brightness: float = 0.8
    afterglow: float = 0.0  # orange along the horizon
    haze_per_m: float = 0.0012  # visible


WEATHER: dict[str, Weather] = {
    "day": Weather(
        kind="street",
        share=0.30,
        sun_w_m2=(550, 900),
        diffuse_w_m2=(80, 100),
        sky_deficit_w_m2=(50, 100),
        clear_zenith=(0.35, 0.65),
        stored_k=(0, 2),
        extinction_per_m=(2e-4, 6e-4),
        cloud=(0, 0.5),
        sunlight=(0.325, 0.294, 0.244),
        skylight=(0.42, 0.52, 0.72),
        cloud_brightness=1.15,
    ),
    "overcast": Weather(
        kind="street",
        share=0.15,
        diffuse_w_m2=(90, 220),
        sky_deficit_w_m2=(10, 30),
        clear_zenith=(0.25, 0.25),
        stored_k=(0, 1.5),
        extinction_per_m=(4e-4, 1e-3),
        cloud=(1, 1),
        haze_per_m=0.0025,
    ),
    "dusk": Weather(
        kind="street",
        share=0.13,
        sun_w_m2=(40, 160),
        sun_elevation_deg=(5, 14),
        diffuse_w_m2=(30, 40),
        sky_deficit_w_m2=(50, 90),
        clear_zenith=(0.32, 0.55),
        stored_k=(1, 5),
        extinction_per_m=(3e-4, 8e-4),
        cloud=(0, 0.7),
        sunlight=(1.1, 0.6, 0.3),
        skylight=(0.26, 0.22, 0.28),
        sky_brightness=0.35,
        afterglow=0.6,
    ),
    "night": Weather(
        kind="street",
        share=0.27,
        sky_deficit_w_m2=(30, 105),
        clear_zenith=(0.35, 0.6),
        stored_k=(0.5, 6),
        extinction_per_m=(3e-4, 1e-3),
        cloud=(0, 1),
        night_share=1.0,
    ),
    "rain": Weather(
        kind="street",
        share=0.15,
        diffuse_w_m2=(40, 120),
        sky_deficit_w_m2=(2, 12),
        clear_zenith=(0.08, 0.08),
        stored_k=(0, 0.8),
        extinction_per_m=(2e-3, 6e-3),
        cloud=(1, 1),
        wind_m_s=(3, 8),
        night_share=0.3,
        wet=True,
        skylight=(0.34, 0.35, 0.37),
        cloud_brightness=0.55,
        haze_per_m=0.012,
    ),
    "lit": Weather(kind="room", share=0.75),
    "dark": Weather(kind="room", share=0.25, night_share=1.0, lamps=False),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudLayer:
    """Clouds on one plane overhead, for skies that are built in layers (`skies`)."""

    below_air_k: float  # how much colder than the air at the ground
    opacity: float  # 0..1 where it is thickest
    threshold: float  # of the texture: cloud where it is above
    softness: float  # width of the edge, in sigmas of the texture
    per_plane: float  # texels of the texture on the plane overhead
    stretch: float  # 1 round, above 1 drawn out
    offset: tuple[float, float]
    mean_cover: float  # 0..1 of the sky, opacity included


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """One draw from a row of `WEATHER`."""

    name: str
    kind: str
    night: bool
    wet: bool
    lamps: bool
    air_k: float  # where the camera is
    outside_k: float  # behind an outer wall; on a street the same air
    humidity: float  # 0..1
    wind_m_s: float
    sun_w_m2: float
    diffuse_w_m2: float
    sky_deficit_w_m2: float
    clear_zenith: float
    stored_k: float
    extinction_per_m: float
    cloud: float
    sun: Vec | None  # unit vector towards the sun
    earlier_sun: (
        Vec | None
    )  # where it stood about 1.3 h before: its shadows linger in heavy materials
    sunlight: Vec  # visible, on a surface facing the sun
    skylight: Vec
    sky_brightness: float
    cloud_brightness: float
    afterglow: float
    haze_per_m: float
    layers: tuple[
        CloudLayer, ...
    ] = ()  # the highest first; none: `cloud` alone says how it is covered

    @property
    def heating(self) -> bool:
        """Are houses heated?"""
        return self.outside_k < 286

    @property
    def indoors(self) -> bool:
        """Is the camera in a room?"""
        return self.kind == "room"


def _towards(azimuth: float, elevation: float) -> Vec:
    flat = math.cos(elevation)
    return (flat * math.sin(azimuth), flat * math.cos(azimuth), math.sin(elevation))


def _times(colour: Vec, factor: float) -> Vec:
    return (colour[0] * factor, colour[1] * factor, colour[2] * factor)


def choose(rng: np.random.Generator, kind: str | None, condition: str | None) -> tuple[str, str]:
    """(kind, condition): what is asked for, the rest drawn. Raises `SettingsError` on what cannot be."""
    if kind is not None and kind not in KINDS:
        raise SettingsError(unknown("kind of scene", kind, KINDS))
    if condition is not None:
        if condition not in WEATHER:
            raise SettingsError(unknown("condition", condition, WEATHER))
        fitting = WEATHER[condition].kind
        if kind not in (None, fitting):
            raise SettingsError(f"condition '{condition}' is for a {fitting}, not for a {kind}")
        return fitting, condition
    if kind is None:
        kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
    rows = {name: row for name, row in WEATHER.items() if row.kind == kind}
    return kind, str(rng.choice(list(rows), p=[row.share for row in rows.values()]))


def _dryness(air_k: float, humidity: float) -> float:
    """0 for the moistest air of a street, towards 1 for dry air: by the root of the vapour pressure.

    Magnus' formula; the band's transmission falls with the root of the vapour in it (Minkina and Dudzik).
    """
    celsius, warmest = air_k - 273.15, _STREET_AIR_K[1] - 273.15
    exponent = 17.27 * celsius / (celsius + 237.3) - 17.27 * warmest / (warmest + 237.3)
    return 1 - math.sqrt(humidity / _HUMIDITY[1] * math.exp(exponent))


def _within(ends: Range, share: float) -> float:
    return ends[0] + (ends[1] - ends[0]) * share


def draw_conditions(rng: np.random.Generator, name: str) -> Conditions:
    """One scene's weather. The same number of draws for every row."""
    row = WEATHER[name]
    indoors = row.kind == "room"
    air_k = float(rng.uniform(*(_ROOM_AIR_K if indoors else _STREET_AIR_K)))
    outside_k = float(rng.uniform(268, 305))
    azimuth = float(rng.uniform(0, 2 * math.pi))
    elevation = math.radians(rng.uniform(*row.sun_elevation_deg))
    night = bool(rng.random() < row.night_share)
    sun_w_m2 = float(rng.uniform(*row.sun_w_m2))
    shines = sun_w_m2 > 0
    humidity = float(rng.uniform(*_HUMIDITY))
    dry = _dryness(air_k, humidity)
    cloud = float(rng.uniform(*row.cloud))
    low, high = row.cloud
    # A sky that is clouded the same way every time differs by its vapour alone.
    open_sky = (dry + (high - cloud) / (high - low)) / 2 if high > low else dry
    return Conditions(
        name=name,
        kind=row.kind,
        night=night,
        wet=row.wet,
        lamps=row.lamps,
        air_k=air_k,
        outside_k=outside_k if indoors else air_k,
        humidity=humidity,
        wind_m_s=float(rng.uniform(*row.wind_m_s)),
        sun_w_m2=sun_w_m2,
        diffuse_w_m2=float(rng.uniform(*row.diffuse_w_m2)) * (not night),
        sky_deficit_w_m2=_within(row.sky_deficit_w_m2, open_sky),
        clear_zenith=_within(row.clear_zenith, dry),
        stored_k=float(rng.uniform(*row.stored_k)),
        extinction_per_m=float(rng.uniform(*row.extinction_per_m)),
        cloud=cloud,
        sun=_towards(azimuth, elevation) if shines else None,
        earlier_sun=_towards(azimuth - 0.35, min(elevation * 1.1 + 0.02, 1.2)) if shines else None,
        sunlight=_times(row.sunlight, sun_w_m2 / 100),
        skylight=NIGHT_SKYLIGHT if night else row.skylight,
        sky_brightness=row.sky_brightness,
        cloud_brightness=row.cloud_brightness,
        afterglow=row.afterglow,
        haze_per_m=0.0 if indoors else row.haze_per_m,
    )
