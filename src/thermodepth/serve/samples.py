"""Frames to try the page with: some of the test split of the pack that ships, and a short stack of them."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from thermodepth.camera import view_of_focal
from thermodepth.files import encode_png, write_bytes
from thermodepth.inference.view import thermal_picture
from thermodepth.serve.decoding import Description
from thermodepth.serve.recordings import Recording
from thermodepth.types import Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

CONDITIONS = {
    "street-day": "Street, day",
    "street-night": "Street, night",
    "street-rain": "Street, rain",
    "room-lit": "Room, lit",
    "room-dark": "Room, dark",
}
STACK = "Eight frames"
_FRAMES_OF_STACK = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleFile:
    """A recording and the picture that it is chosen by."""

    recording: Recording
    thumbnail: str  # a PNG as data URI


def write_samples(folder: Path) -> list[SampleFile]:
    """Write the samples as files that any upload could be.

    Args:
        folder: of this server.
    """
    from thermodepth.data.synthetic import SyntheticFrames, open_synthetic  # a second of imports

    split = open_synthetic(None).splits["test"]
    assert isinstance(split, SyntheticFrames)
    samples: list[SampleFile] = []
    for condition, title in CONDITIONS.items():
        index = next(i for i in range(len(split.sample_ids)) if split.condition(i) == condition)
        sample = split.read(index, with_rgb=False)
        content = encode_png(sample.thermal)
        samples.append(_written(folder, f"{condition}.png", title, content, sample, 1))
    frames = [
        split.read(index, with_rgb=False)
        for index in np.linspace(7, len(split.sample_ids) - 1, _FRAMES_OF_STACK, dtype=int)
    ]
    content = _npy(np.stack([frame.thermal for frame in frames]))
    samples.append(_written(folder, "stack.npy", STACK, content, frames[0], len(frames)))
    return samples


def _written(
    folder: Path, name: str, title: str, content: bytes, sample: Sample, frames: int
) -> SampleFile:
    path = folder / f"sample-{name}"
    write_bytes(path, content)
    rows, columns = sample.size
    description = Description(
        frames=frames,
        is_cut=False,
        first=0,
        rows=rows,
        columns=columns,
        unit=sample.thermal_unit,
        fov_deg=round(view_of_focal(float(sample.intrinsics[0, 0]), columns), 2),
    )
    recording = Recording(
        recording_id=f"sample-{Path(name).stem}",
        name=title,
        path=path,
        size_bytes=len(content),
        description=description,
        is_sample=True,
    )
    picture = thermal_picture(sample.thermal, sample.thermal_unit)[..., 0]
    encoded = base64.b64encode(encode_png(picture)).decode()
    return SampleFile(recording=recording, thumbnail=f"data:image/png;base64,{encoded}")


def _npy(array: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()
