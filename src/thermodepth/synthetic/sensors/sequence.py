"""Raw frames of a video or of a still, as pure functions: whoever writes and whoever reads get the same.

Nothing is remembered from one frame to the next. The camera follows from the name of the sequence, its
fixed pattern from the number of shutter events so far, the temporal noise from the name of the frame.
With `draw` all three change at once; draw 0 is the standing one, which is written to disk.

    for index in displayed_frames(times_s, settings):
        raw(maps[index], sequence=name, frame_id=ids[index], time_s=times_s[index], ...)

A frozen frame is the earlier frame once more, to the bit, since it is made from that frame's values.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from thermodepth.errors import DataError
from thermodepth.synthetic.sensors.microbolometer import (
    Detector,
    MicrobolometerSettings,
    after_shutter,
    counts,
    draw_detector,
    expose,
)
from thermodepth.synthetic.space.vectors import Array

# The third word of a seed. Not 0: numpy takes a seed with zeros at its end for the one without them.
_CAMERA, _SHUTTER = 1, 2
_KEPT_DETECTORS = 8


def displayed_frames(times_s: Sequence[float], settings: MicrobolometerSettings) -> list[int]:
    """The index of the frame that the camera really shows at each time.

    A shutter event begins at each whole multiple of `shutter_every_s`, 0 excepted, and lasts `freeze_s`;
    meanwhile the last frame before it stands. The first frame always shows itself.

    Raises:
        DataError: when the times are not finite, 0 or later, and rising.
    """
    indices: list[int] = []
    for index, time_s in enumerate(times_s):
        events, age_s = _since_shutter(time_s, settings, f"frame {index}")
        if index > 0 and time_s <= times_s[index - 1]:
            raise DataError(
                f"frame {index}: time_s = {time_s} after {times_s[index - 1]}: times must rise"
            )
        frozen = events > 0 and age_s < settings.freeze_s
        indices.append(indices[-1] if frozen and indices else index)
    return indices


def raw(
    temperature_k: Array,
    *,
    sequence: str,
    frame_id: str,
    time_s: float,
    draw: int,
    settings: MicrobolometerSettings,
) -> NDArray[np.uint16]:
    """[h w] apparent temperature -> [h w] raw counts of one frame of a sequence.

    A frame on its own (`sequence=""`) has a camera of its own, and its time means nothing.

    Raises:
        DataError: when the time is not finite, or before 0.
    """
    rng = np.random.default_rng([zlib.crc32(frame_id.encode()), draw])
    if not sequence:
        return counts(temperature_k, rng, settings)
    events, age_s = _since_shutter(time_s, settings, f"frame '{frame_id}'")
    rows, columns = temperature_k.shape
    seed = (zlib.crc32(sequence.encode()), draw)
    detector = _detector(seed, events, (rows, columns), settings)
    return expose(temperature_k, detector, rng, settings, age_s=age_s)


@lru_cache(maxsize=_KEPT_DETECTORS)
def _detector(
    seed: tuple[int, int], events: int, shape: tuple[int, int], settings: MicrobolometerSettings
) -> Detector:
    """The camera of a sequence after so many shutter events; shared, so its arrays are read-only."""
    detector = draw_detector(shape, np.random.default_rng([*seed, _CAMERA]), settings)
    if events:
        rng = np.random.default_rng([*seed, _SHUTTER, events])
        detector = after_shutter(detector, rng, settings)
    for array in (detector.gain, detector.pixel_k, detector.column_k, detector.bad_pixels):
        if array is not None:
            array.setflags(write=False)
    return detector


def _since_shutter(
    time_s: float, settings: MicrobolometerSettings, frame_name: str
) -> tuple[int, float]:
    """How many shutter events there were, and the seconds since the last one (or since time 0).

    In whole microseconds, so that a time that was rounded in a file falls on the same side.
    """
    if not (math.isfinite(time_s) and time_s >= 0):
        raise DataError(f"{frame_name}: time_s = {time_s}: must be finite and 0 or later")
    if settings.shutter_every_s == 0:
        return 0, time_s
    events, age_us = divmod(round(time_s * 1e6), round(settings.shutter_every_s * 1e6))
    return events, age_us / 1e6
