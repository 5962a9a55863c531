"""What a teacher is: something that gives, for a frame, a depth-like map the structural head learns from.

A teacher exists in training only. It says in `geometry` what its values mean, because the field has both
signs: relative models (MiDaS, Depth Anything) give inverse depth, larger = nearer; metric models give
depth, larger = farther. `to_affine_inverse` is the one place where the sign is turned:

    label = 1 / max(depth, floor)      for every depth geometry
    label = map                        for affine-invariant inverse depth
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from thermodepth.errors import DataError, TeacherError
from thermodepth.files import ask_folder
from thermodepth.tensor_files import content_digest
from thermodepth.types import Geometry, Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Nearest distance a label tells apart, for depth in metres. Without a floor one wrong pixel at 1 mm
#: would stretch the range of an inverse map a thousandfold.
MIN_DEPTH_M = 0.1
#: The same for depth of unknown scale, as a share of the map's median positive depth.
MIN_DEPTH_OF_MEDIAN = 0.01

#: Raised when our own code changes a teacher's maps, so that stored labels of the old code are not used.
MAPS_VERSION = 1


@runtime_checkable
class Teacher(Protocol):
    """Gives a depth-like map for each frame. Teachers read samples, so that ground truth can be one."""

    @property
    def geometry(self) -> Geometry:
        """What the values of the maps mean, and with it which way is near."""

    @property
    def description(self) -> str:
        """One line for reports and stores: kind, model, working size."""

    def fingerprint(self) -> str:
        """Kind and hash of weights and preprocessing: changes when, and only when, the maps may."""

    def label(self, samples: Sequence[Sample]) -> list[NDArray[np.float32]]:
        """One float32 map `[h w]` per sample, at the sample's own size, in `geometry`; NaN = no value.

        Raises:
            TeacherError: naming the frame, when it lacks what this teacher reads.
        """


@runtime_checkable
class ExplainingTeacher(Teacher, Protocol):
    """A teacher that may have to refuse a frame, and says why."""

    def explained(
        self, samples: Sequence[Sample]
    ) -> list[tuple[NDArray[np.float32], dict[str, Any]]]:
        """What `label` gives, each map with plain facts; `rejected` in them is "" or the reason."""


@runtime_checkable
class ChecksFrames(Protocol):
    """A teacher that can say, before anything is read or written, whether it has what frames need."""

    def check_frames(self, sample_ids: Sequence[str]) -> None:
        """Do nothing, or say what is missing.

        Raises:
            TeacherError: with the count and the first names.
        """


def to_affine_inverse(values: NDArray[Any], geometry: Geometry) -> NDArray[np.float32]:
    """A teacher's map as affine-invariant inverse depth: larger is nearer, whatever it was before.

    Metric and scale depth of zero or less is no distance and becomes NaN. The offset of an affine depth
    is unknown, and it is inverted as it stands: near and far come out right, the shape of the curve
    between them only as far as the offset is small.

    Args:
        values: `[h w]` in `geometry`.

    Returns:
        `[h w]` float32; NaN wherever the map is not finite.
    """
    raw = np.asarray(values, dtype=np.float32)
    finite = np.isfinite(raw)
    if geometry is Geometry.AFFINE_INVERSE:
        return np.where(finite, raw, np.float32(np.nan))
    usable = finite if geometry is Geometry.AFFINE_DEPTH else finite & (raw > 0)
    floor = MIN_DEPTH_M
    if geometry is not Geometry.METRIC_DEPTH:
        positive = raw[finite & (raw > 0)]
        floor = MIN_DEPTH_OF_MEDIAN * float(np.median(positive)) if positive.size else 1.0
    inverse = np.full(raw.shape, np.nan, dtype=np.float32)
    inverse[usable] = 1.0 / np.maximum(raw[usable], np.float32(floor))
    return inverse


def fingerprint_of(kind: str, parts: Mapping[str, Any]) -> str:
    """`<kind>-<16 hexadecimal digits>` of everything that decides the maps."""
    text = json.dumps({"maps_version": MAPS_VERSION, **parts}, sort_keys=True)
    return f"{kind}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def weights_sha256(folder: Path) -> str:
    """Hash of all safetensors files of a folder, whatever they are called; checksums in them do not count.

    Raises:
        TeacherError: naming the folder, when there is none, or the file that cannot be read.
    """
    try:
        ask_folder(folder)  # its other files are read by a library
    except DataError as error:
        raise TeacherError(str(error)) from None
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise TeacherError(
            f"{folder}: no .safetensors file; pickled weights (.bin, .pt) are never loaded, because "
            "opening them runs what they contain. Save the model again with safetensors"
        )
    digests = []
    for file in files:
        try:
            digests.append(content_digest(file).hexdigest())
        except DataError as error:
            raise TeacherError(f"{error}; copy or download it again") from None
    return hashlib.sha256("".join(sorted(digests)).encode()).hexdigest()


def rgb_of(sample: Sample) -> NDArray[np.uint8]:
    """The RGB picture `[h w 3]` of a frame.

    Raises:
        TeacherError: naming the frame, when there is none or it is none.
    """
    rgb = sample.rgb
    if rgb is None:
        raise TeacherError(
            f"frame {sample.sample_id} has no RGB image, which this teacher reads; use a data set "
            "with RGB, or the teacher 'truth'"
        )
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
        raise TeacherError(
            f"frame {sample.sample_id}: RGB image is {rgb.dtype} {list(rgb.shape)}, expected uint8 [h w 3]"
        )
    return rgb
