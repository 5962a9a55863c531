"""Any thermal camera: a core drawn for each frame, from 80x60 to 1280x1024, and what it does to a picture.

The order is that of a camera: lens blur, the core's own pixels, noise and pattern, counts, saturation, and
for most a gain control that makes 8 bits of them, hot white or hot black, now and then through JPEG.
A core that is coarser than the stored map is reduced to it by area, given its noise and enlarged again; of
a finer one the stored map is the area mean, so that its noise is smaller by the same factor.
"""

from __future__ import annotations

import io
import math
import zlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from thermodepth.synthetic.sensors.gain_control import GAIN_CONTROLS
from thermodepth.synthetic.sensors.microbolometer import MicrobolometerSettings, counts
from thermodepth.synthetic.space.vectors import Array

#: Columns of a core and how often it is drawn.
CORE_COLUMNS = {
    80: 0.03,
    160: 0.13,
    256: 0.12,
    320: 0.2,
    384: 0.1,
    640: 0.34,
    1024: 0.04,
    1280: 0.04,
}
_NETD_K = (0.02, 0.09)  # log-uniform
_DISPLAY_SHARE = 0.6  # of frames that come as 8 bits after gain control
_BLACK_HOT_SHARE = 0.3  # of those
_JPEG_SHARE = 0.3  # of those
_SHARPENED_SHARE = 0.5  # of those
_SATURATED_SHARE = 0.08
_DEFOCUSED_SHARE = 0.06
_ENLARGED = (Image.Resampling.NEAREST, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)
_RADIOMETRIC_BITS = 16
_DETAIL_PX = 1.0  # sigma, stored pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """One draw of a camera. Noise terms are shares of the NETD at the core's own pixels."""

    columns: int
    netd_k: float
    blur_px: float  # sigma at the core's pixels
    counts_per_k: float
    column_share: float
    row_share: float
    pixel_share: float  # what the last flat-field correction left, or what grew since
    shading_k: float
    tilt_k: float
    saturated: tuple[float, float]  # share of the coldest and of the hottest pixels that is clipped
    enlarged: Image.Resampling
    gain_control: str  # a name of GAIN_CONTROLS, or "" for raw counts
    black_hot: bool
    jpeg_quality: int  # 0: none
    sharpened: float  # how much of the fine detail is added once more


def draw_core(rng: np.random.Generator) -> Core:
    """A camera. The same number of draws for every one."""
    columns = int(rng.choice(list(CORE_COLUMNS), p=list(CORE_COLUMNS.values())))
    netd_k = math.exp(rng.uniform(math.log(_NETD_K[0]), math.log(_NETD_K[1])))
    defocus = float(rng.uniform(0.8, 1.8)) if rng.random() < _DEFOCUSED_SHARE else 0.0
    blur_px = math.hypot(float(rng.uniform(0.25, 0.9)), defocus)
    # The pattern grows from a flat-field correction to the next: the age as a share of the interval.
    age = float(rng.random())
    display = rng.random() < _DISPLAY_SHARE
    gain_control = str(rng.choice(list(GAIN_CONTROLS)))
    black_hot, as_jpeg = rng.random() < _BLACK_HOT_SHARE, rng.random() < _JPEG_SHARE
    quality = int(rng.integers(40, 96))
    clipped, tails = rng.random() < _SATURATED_SHARE, rng.uniform(0.02, 0.25, 2).tolist()
    from_below = rng.random() < 0.3
    sharpens, amount = rng.random() < _SHARPENED_SHARE, float(rng.uniform(0.3, 1.8))
    return Core(
        columns=columns,
        netd_k=netd_k,
        blur_px=blur_px,
        counts_per_k=math.exp(rng.uniform(math.log(25), math.log(120))),
        column_share=float(rng.uniform(0.05, 0.3)) + age * float(rng.uniform(0, 1.0)),
        row_share=float(rng.uniform(0.05, 0.5)),
        pixel_share=float(rng.uniform(0.1, 0.4)) + age * float(rng.uniform(0, 1.0)),
        shading_k=0.03 + age * float(rng.uniform(0, 0.35)),
        tilt_k=0.02 + age * float(rng.uniform(0, 0.2)),
        saturated=(tails[0] * from_below * clipped, tails[1] * clipped),
        enlarged=_ENLARGED[int(rng.choice(3, p=[0.1, 0.6, 0.3]))],
        gain_control=gain_control if display else "",
        black_hot=bool(display and black_hot),
        jpeg_quality=quality if display and as_jpeg else 0,
        sharpened=amount if display and sharpens else 0.0,
    )


def core_of(frame_id: str, draw: int) -> tuple[Core, np.random.Generator]:
    """The camera of a frame and draw, and the generator that goes on to its noise."""
    rng = np.random.default_rng([zlib.crc32(frame_id.encode()), draw])
    return draw_core(rng), rng


def any_core_frame(
    kelvin: NDArray[np.float32], *, frame_id: str, draw: int, settings: MicrobolometerSettings
) -> NDArray[Any]:
    """[h w] apparent temperature -> [h w] uint16 counts, or uint8 where the camera gives 8 bits.

    Args:
        kelvin: noise-free, after the optics of the rendering.
        frame_id: of the frame; with `draw` it names the camera and the noise.
        draw: 0 is the standing one.
        settings: bit depth, level, drift and bad pixels; a radiometric camera has no gain control.
    """
    core, rng = core_of(frame_id, draw)
    rows, columns = kelvin.shape
    finer = core.columns / columns
    kelvin_at_core = _blurred(kelvin, core.blur_px / finer)
    coarse = finer < 1
    if coarse:
        size = (core.columns, max(round(rows * finer), 8))
        kelvin_at_core, finer = _resampled(kelvin_at_core, size, Image.Resampling.BOX), 1.0
    raw = counts(kelvin_at_core, rng, _electronics(core, settings, finer)).astype(np.float32)
    if coarse:
        raw = _resampled(raw, (columns, rows), core.enlarged)
    raw = _saturated(raw, core.saturated)
    if settings.mode == "radiometric" or not core.gain_control:
        bits = _RADIOMETRIC_BITS if settings.mode == "radiometric" else settings.bits
        return np.rint(raw).clip(0, 2**bits - 1).astype(np.uint16)
    toned = GAIN_CONTROLS[core.gain_control](raw, rng)
    if core.sharpened:
        toned = toned + core.sharpened * (toned - _blurred(toned, _DETAIL_PX))
    if core.black_hot:
        toned = 1 - toned
    picture = np.rint(toned.clip(0, 1) * 255).astype(np.uint8)
    return _through_jpeg(picture, core.jpeg_quality) if core.jpeg_quality else picture


def _electronics(
    core: Core, settings: MicrobolometerSettings, finer: float
) -> MicrobolometerSettings:
    """The noise of the core at the stored pixels, each the mean of `finer` x `finer` of the core's.

    A pixel's noise falls by `finer`, that of a row or column, alike along it, by its root.
    """
    netd_k = core.netd_k / finer
    return replace(
        settings,
        netd_low_k=netd_k,
        netd_high_k=netd_k,
        counts_per_k=core.counts_per_k,
        column_share=min(core.column_share * math.sqrt(finer), 10.0),
        row_share=min(core.row_share * math.sqrt(finer), 10.0),
        pixel_share=core.pixel_share,
        shading_k=core.shading_k,
        tilt_k=core.tilt_k,
    )


def _saturated(raw: Array, shares: tuple[float, float]) -> Array:
    cold, hot = shares
    if not (cold or hot):
        return raw
    low, high = np.quantile(raw, (cold, 1 - hot))
    return raw.clip(low, high)


def _blurred(image: Array, sigma: float) -> Array:
    """[h w] blurred by a Gaussian of `sigma` stored pixels; below .2 nothing is left of it."""
    if sigma < 0.2:
        return image
    radius = max(int(3 * sigma + 0.5), 1)
    taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2).astype(np.float32)
    taps /= taps.sum()
    for _ in range(2):  # along the rows, then turned, along the columns
        padded = np.pad(image, ((0, 0), (radius, radius)), mode="edge")
        width = image.shape[1]
        image = sum(tap * padded[:, i : i + width] for i, tap in enumerate(taps.tolist())).T
    return np.ascontiguousarray(image, np.float32)


def _resampled(image: Array, size: tuple[int, int], method: Image.Resampling) -> Array:
    """[h w] float32 at `size` (columns, rows)."""
    picture = Image.fromarray(np.ascontiguousarray(image, np.float32))
    return np.asarray(picture.resize(size, method))


def _through_jpeg(picture: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=quality)
    with Image.open(stream) as coded:
        return np.array(coded, np.uint8)
