"""The electronics of an uncooled thermal camera: apparent temperature in, raw counts out.

The noise follows the three-dimensional noise split (D'Agostino and Webb, SPIE 1488, 1991), each term a
share of the noise-equivalent temperature difference (NETD):

                  fixed (belongs to the camera)         temporal (belongs to the frame)
    pixel         pixel_share NETD, gain_pixel          NETD
    column        column_share NETD, gain_column        -
    row           -                                     row_share NETD
    whole frame   level, shading, tilt                  -

Gain unevenness and drift after Wolf et al., Sensors 2016, 16(7) 1121. `counts` draws camera and frame at
once, for a training loader, in well under a millisecond. For a video draw a `Detector` once and `expose`
it to each frame, or let `sensors.sequence` do so. Nothing but numpy is needed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from thermodepth.errors import DataError, SettingsError, unknown
from thermodepth.synthetic.materials.radiance import (
    COLDEST_K,
    HOTTEST_K,
    apparent_temperature_k,
    band_radiance,
    radiance_slope,
)
from thermodepth.synthetic.sensors.bad_pixels import BadPixel, draw_bad_pixels
from thermodepth.synthetic.space.vectors import Array
from thermodepth.thermal import radiometry

Mode = Literal["counts", "radiometric"]

_COUNTS_TEMPERATURE_K = 300.0  # where counts_per_k holds
_SLOPE = radiance_slope(_COUNTS_TEMPERATURE_K)
_PLANCK = radiometry.PlanckConstants(r1=21106.77, r2=0.012545258, b=1501.0, f=1.0, o=-7340.0)
_RADIOMETRIC_BITS = 16
_RADIOMETRIC_RESIDUAL = 0.25  # share of gain unevenness and shading that a calibration leaves
_BLINK_K = 2.0  # the step of a blinking pixel

# Lowest and highest value of each number; the default 0 switches an option off.
_RANGES: Final[dict[str, tuple[float, float]]] = {
    "counts_per_k": (0.1, 10_000.0),
    "base_counts": (0.0, 65_535.0),
    "reference_k": (COLDEST_K, HOTTEST_K),
    "drift_counts": (0.0, 10_000.0),
    "drift_renewal_s": (1.0, 86_400.0),
    "netd_low_k": (0.0, 10.0),
    "netd_high_k": (0.0, 10.0),
    "column_share": (0.0, 10.0),
    "row_share": (0.0, 10.0),
    "pixel_share": (0.0, 10.0),
    "gain_pixel": (0.0, 1.0),
    "gain_column": (0.0, 1.0),
    "shading_k": (0.0, 10.0),
    "tilt_k": (0.0, 10.0),
    "bits": (8, 16),
    "bad_pixel_share": (0.0, 0.1),
    "shutter_every_s": (0.0, 86_400.0),
    "freeze_s": (0.0, 60.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MicrobolometerSettings:
    """An uncooled core; by default without radiometric calibration, shutter events or bad pixels.

    Raises:
        SettingsError: naming the field, the value and what is allowed.
    """

    mode: Mode = "counts"  # "radiometric": 16-bit counts that stand for a temperature
    counts_per_k: float = (
        45.0  # at 300 K; mode "counts", as base_counts to drift_renewal_s and bits
    )
    base_counts: float = 7300.0  # for a scene at reference_k
    reference_k: float = 295.0
    drift_counts: float = 150.0  # sigma of the level: absolute counts mean little
    drift_renewal_s: float = 600.0  # so long after a shutter event the level is another draw
    netd_low_k: float = 0.04  # one uniform draw a camera between these
    netd_high_k: float = 0.09
    column_share: float = 0.55
    row_share: float = 0.40
    pixel_share: float = 0.45  # fixed pattern left after the last shutter event
    gain_pixel: float = 0.0015  # sigma of the relative gain
    gain_column: float = 0.001
    shading_k: float = 0.12  # sigma of the radial lens and narcissus shading at mid-edge
    tilt_k: float = 0.06
    bits: int = 14
    bad_pixel_share: float = 0.0  # dead, hot or blinking
    shutter_every_s: float = 0.0  # flat-field correction; 0: never
    freeze_s: float = 0.0  # how long the last picture stands while the shutter is closed

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            raise SettingsError(unknown("microbolometer mode", self.mode, get_args(Mode)))
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise SettingsError(f"microbolometer {name} = {value}: must be {low:g}..{high:g}")
        if self.netd_low_k > self.netd_high_k:
            raise SettingsError(
                f"microbolometer netd_low_k = {self.netd_low_k}: must be at most netd_high_k, "
                f"{self.netd_high_k}"
            )
        if 0 < self.shutter_every_s < 0.1:
            raise SettingsError(
                f"microbolometer shutter_every_s = {self.shutter_every_s}: must be 0 (never) or "
                "0.1 and more"
            )
        if self.freeze_s > 0 and self.freeze_s >= self.shutter_every_s:
            raise SettingsError(
                f"microbolometer freeze_s = {self.freeze_s}: must be less than shutter_every_s, "
                f"{self.shutter_every_s}"
            )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Detector:
    """One camera between two shutter events: all that stays the same from frame to frame."""

    gain: Array  # [h w] relative, about 1
    shading_row_k: Array  # [h 1] shading is a sum over rows and columns
    shading_column_k: Array  # [1 w]
    pixel_k: Array  # [h w] the fixed pattern, anew after each shutter event
    column_k: Array  # [1 w]
    level_counts: tuple[float, float]  # cosine and sine part of the drift, anew after each event
    netd_k: float
    bad_pixels: NDArray[np.uint8] | None  # [h w] of `BadPixel`; None where there is none


_DEFAULT = MicrobolometerSettings()


def draw_detector(
    shape: tuple[int, int],
    rng: np.random.Generator,
    settings: MicrobolometerSettings = _DEFAULT,
) -> Detector:
    """A camera of [h w] pixels, just after a shutter event."""
    netd_k = float(rng.uniform(settings.netd_low_k, settings.netd_high_k))
    return _detector(shape, rng, settings, netd_k, pixel_k=netd_k * settings.pixel_share)


def after_shutter(
    detector: Detector, rng: np.random.Generator, settings: MicrobolometerSettings = _DEFAULT
) -> Detector:
    """The same camera after a shutter event: fixed pattern and level drawn anew.

    Gain, NETD, bad pixels, and the shading, whose sources stand before the shutter, stay.
    """
    rows, columns = detector.gain.shape
    return replace(
        detector,
        pixel_k=_normal(rng, (rows, columns), detector.netd_k * settings.pixel_share),
        column_k=_normal(rng, (1, columns), detector.netd_k * settings.column_share),
        level_counts=_draw_level(rng, settings),
    )


def expose(
    apparent_temperature: Array,
    detector: Detector,
    rng: np.random.Generator,
    settings: MicrobolometerSettings = _DEFAULT,
    *,
    age_s: float = 0.0,
) -> NDArray[np.uint16]:
    """[h w] kelvin -> [h w] raw counts of one frame, `age_s` seconds after the last shutter event.

    Temporal noise comes from `rng`, all else from the detector. The level drifts with the age on a slow
    sine, so that its spread is `drift_counts` at any age and its pace is even at first.

    Raises:
        DataError: when the map and the detector are not of one size.
    """
    if apparent_temperature.shape != detector.gain.shape:
        raise DataError(
            f"a map of {apparent_temperature.shape} and a detector of {detector.gain.shape}: "
            "must be of one size (rows, columns)"
        )
    return _expose(apparent_temperature, detector, rng, settings, age_s, detector.netd_k)


def counts(
    apparent_temperature: Array,
    rng: np.random.Generator,
    settings: MicrobolometerSettings = _DEFAULT,
) -> NDArray[np.uint16]:
    """[h w] kelvin -> [h w] raw counts of a frame on its own, by a camera of its own.

    The statistics are those of `draw_detector` and `expose`. The same generator state gives the same
    counts.
    """
    rows, columns = apparent_temperature.shape
    netd_k = float(rng.uniform(settings.netd_low_k, settings.netd_high_k))
    # In a single frame a pixel's temporal and fixed noise cannot be told apart: one draw for both.
    detector = _detector((rows, columns), rng, settings, netd_k, pixel_k=None)
    both_k = netd_k * math.hypot(1, settings.pixel_share)
    return _expose(apparent_temperature, detector, rng, settings, 0.0, both_k)


def kelvin_of_counts(
    raw: NDArray[np.uint16], settings: MicrobolometerSettings
) -> NDArray[np.float32]:
    """Raw counts of a radiometric camera -> kelvin, by `thermal.radiometry` with typical constants.

    A pixel at full scale is at least as hot as it reads (442 K), one at the lower end (a dead one) at
    most as warm: 150 K.

    Raises:
        SettingsError: in mode "counts", whose level drifts.
    """
    if settings.mode != "radiometric":
        raise SettingsError(
            f"microbolometer mode = '{settings.mode}': its counts drift and have no temperature "
            "(only those of mode 'radiometric' do)"
        )
    kelvin = radiometry.kelvin_of_counts(raw, _PLANCK)
    # No count at or below -O comes from any temperature: NaN there.
    return np.fmax(kelvin, np.float32(COLDEST_K))


def _detector(
    shape: tuple[int, int],
    rng: np.random.Generator,
    settings: MicrobolometerSettings,
    netd_k: float,
    pixel_k: float | None,
) -> Detector:
    """`pixel_k` is the sigma of the fixed pattern of pixels; None: they are left out."""
    s = settings
    rows, columns = shape
    left = _RADIOMETRIC_RESIDUAL if s.mode == "radiometric" else 1.0
    radial, tilt_x, tilt_y = (left * rng.standard_normal(3)).tolist()
    gain = _normal(rng, shape, s.gain_pixel * left)
    gain += _normal(rng, (1, columns), s.gain_column * left) + np.float32(1)
    y = np.linspace(-1, 1, rows, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, columns, dtype=np.float32)[None, :]
    radial *= s.shading_k
    return Detector(
        gain=gain,
        shading_row_k=y * y * np.float32(radial) + y * np.float32(s.tilt_k * tilt_y),
        shading_column_k=x * x * np.float32(radial) + x * np.float32(s.tilt_k * tilt_x),
        pixel_k=np.zeros((1, 1), np.float32) if pixel_k is None else _normal(rng, shape, pixel_k),
        column_k=_normal(rng, (1, columns), netd_k * s.column_share),
        level_counts=_draw_level(rng, s),
        netd_k=netd_k,
        bad_pixels=draw_bad_pixels(shape, s.bad_pixel_share, rng) if s.bad_pixel_share else None,
    )


def _expose(
    apparent_temperature: Array,
    detector: Detector,
    rng: np.random.Generator,
    settings: MicrobolometerSettings,
    age_s: float,
    temporal_k: float,
) -> NDArray[np.uint16]:
    """`expose`, with the sigma of the temporal noise of a pixel given."""
    s, d = settings, detector
    rows, _ = apparent_temperature.shape
    reference = float(band_radiance(s.reference_k))
    signal_k = band_radiance(apparent_temperature)
    signal_k -= np.float32(reference)
    signal_k *= np.float32(1 / _SLOPE)
    signal_k *= d.gain
    signal_k += _normal(rng, apparent_temperature.shape, temporal_k)
    signal_k += d.shading_row_k + _normal(rng, (rows, 1), d.netd_k * s.row_share)
    signal_k += d.shading_column_k + d.column_k
    if d.pixel_k.size > 1:
        signal_k += d.pixel_k
    if d.bad_pixels is not None:
        blinking = d.bad_pixels == BadPixel.BLINKING
        signal_k[blinking] += _BLINK_K * rng.integers(0, 2, int(blinking.sum()))
    if s.mode == "radiometric":
        read_k = apparent_temperature_k(signal_k * _SLOPE + reference)
        digital = radiometry.counts_of_kelvin(read_k, _PLANCK)
        largest = 2**_RADIOMETRIC_BITS - 1
    else:
        phase = math.pi / 2 * age_s / s.drift_renewal_s
        now, later = d.level_counts
        signal_k *= np.float32(s.counts_per_k)
        signal_k += np.float32(s.base_counts + now * math.cos(phase) + later * math.sin(phase))
        digital, largest = signal_k, 2**s.bits - 1
    raw = np.rint(digital, out=digital).clip(0, largest).astype(np.uint16)
    if d.bad_pixels is not None:
        raw[d.bad_pixels == BadPixel.DEAD] = 0
        raw[d.bad_pixels == BadPixel.HOT] = largest
    return raw


def _draw_level(rng: np.random.Generator, settings: MicrobolometerSettings) -> tuple[float, float]:
    """Cosine and sine part of the level, in counts."""
    now, later = (settings.drift_counts * rng.standard_normal(2)).tolist()
    return now, later


def _normal(rng: np.random.Generator, shape: tuple[int, ...], sigma: float) -> Array:
    """Gaussian noise, float32."""
    drawn = rng.standard_normal(shape, dtype=np.float32)
    drawn *= np.float32(sigma)
    return drawn
