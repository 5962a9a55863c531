"""The maps of one frame as compressed bytes, and back.

temperature   PNG, uint16: kelvin = offset_k + step_k * value; noise-free apparent temperature
depth         PNG, uint16: metres = step_m * value, 0 = no value (sky, or beyond 255.99 m)
rgb           JPEG, quality 90
sky           PNG, 8 bit: 255 where the ray meets nothing, else 0      (in packs of many cameras)
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from thermodepth.errors import DataError
from thermodepth.synthetic.rendering.frame import Frame
from thermodepth.synthetic.space.vectors import Array
from thermodepth.synthetic.storage.header import NO_DEPTH, OFFSET_K, STEP_K, STEP_M, Header

JPEG_QUALITY = 90
_LARGEST_VALUE = 65535
_MODES = {"RGB": ("RGB",), "I;16": ("I;16", "I"), "L": ("L",)}  # older versions of Pillow say "I"
_BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)


def temperature_values(kelvin: NDArray[np.float32]) -> NDArray[np.uint16]:
    """[h w] kelvin -> [h w] steps of 50 mK above 150 K."""
    steps = np.rint((kelvin - OFFSET_K) / STEP_K)
    values: NDArray[np.uint16] = steps.clip(0, _LARGEST_VALUE).astype(np.uint16)
    return values


def kelvin_of(values: Array, header: Header | None = None) -> NDArray[np.float32]:
    """The inverse of `temperature_values`; a pack's header may say other steps."""
    offset_k, step_k = (OFFSET_K, STEP_K) if header is None else (header.offset_k, header.step_k)
    return values.astype(np.float32) * np.float32(step_k) + np.float32(offset_k)


def depth_values(depth_m: NDArray[np.float32]) -> NDArray[np.uint16]:
    """[h w] metres, NaN for none -> [h w] 1/256 metres, 0 for none."""
    steps = np.rint(np.nan_to_num(depth_m, nan=0.0, posinf=0.0) / STEP_M)
    # Nothing is clamped silently: what does not fit has no value.
    return np.where(steps > _LARGEST_VALUE, NO_DEPTH, steps).astype(np.uint16)


def metres_of(values: Array, header: Header) -> NDArray[np.float32]:
    """The inverse of `depth_values`."""
    depth_m = values.astype(np.float32) * np.float32(header.step_m)
    depth_m[values == NO_DEPTH] = np.nan
    return depth_m


def png(pixels: Array, *, level: int = 7) -> bytes:
    """RGB of 8 bits, grey of 8 or 16. Level 9 takes six times as long for 2 % less; noise wants 6 or less."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", compress_level=level)
    return stream.getvalue()


def jpeg(pixels: NDArray[np.uint8]) -> bytes:
    """[h w 3] as JPEG."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=JPEG_QUALITY)
    return stream.getvalue()


def encode(frame: Frame) -> dict[str, bytes]:
    """{member of the pack: content} of every map that the frame has."""
    files = {
        "rgb": jpeg(frame.rgb),
        "temperature": png(temperature_values(frame.apparent_temperature_k)),
        "depth": png(depth_values(frame.depth_m)),
    }
    if frame.lidar_m is not None:
        files["lidar"] = png(depth_values(frame.lidar_m))
    if frame.sky is not None:
        files["sky"] = png(frame.sky.astype(np.uint8) * np.uint8(255))
    if frame.rgb_view is not None:
        assert frame.rgb_view.depth_m is not None, "a rendered view has its depth"
        files["rgb_depth"] = png(depth_values(frame.rgb_view.depth_m))
    return {member(folder, frame.frame_id): content for folder, content in files.items()}


def member(folder: str, frame_id: str) -> str:
    """Where a map of a frame stands in a pack."""
    return f"{folder}/{frame_id}.{'jpg' if folder == 'rgb' else 'png'}"


def largest_bytes(size: tuple[int, int]) -> int:
    """No picture of (width, height) is larger: one beyond its raw pixels is not what it claims to be."""
    return size[0] * size[1] * 6 + 65536


def decode(where: str, content: bytes, size: tuple[int, int], mode: str) -> Array:
    """[h w] uint16 for mode "I;16", uint8 for "L", [h w 3] uint8 for "RGB".

    Raises:
        DataError: for broken bytes, another kind of picture, or one that is not (width, height).
    """
    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as image:
            # `open` reads the header alone: nothing large has been allocated yet.
            if image.size != size or image.mode not in _MODES[mode]:
                actual = f"{image.size[0]}x{image.size[1]} {image.mode}"
                raise DataError(f"{where} is {actual}, not {size[0]}x{size[1]} {mode}")
            return np.array(image, np.uint16 if mode == "I;16" else np.uint8)
    except (OSError, SyntaxError, ValueError, *_BOMBS) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{where} cannot be decoded: {error}") from error
