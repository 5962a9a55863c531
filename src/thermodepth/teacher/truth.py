"""The `truth` teacher: the label is the ground-truth depth itself.

It is the ceiling of what any RGB teacher can teach, a control arm for studies, and what the built-in RGB
teacher was trained on. Nothing to load, nothing to download.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from thermodepth.errors import TeacherError
from thermodepth.teacher.interface import fingerprint_of
from thermodepth.types import Geometry, Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray


#: What stands for the distance of sky, which has none: its inverse is next to nothing beside any scene's.
SKY_M = 1000.0


class TruthTeacher:
    """Gives a sample's own depth in metres, NaN where it is no positive number, `SKY_M` where it is sky."""

    geometry = Geometry.METRIC_DEPTH
    description = "ground truth depth (the ceiling of what a teacher can teach)"

    def fingerprint(self) -> str:
        """Always the same: what may differ is the data, which has a fingerprint of its own."""
        return fingerprint_of("truth", {"sky_m": SKY_M})

    def label(self, samples: Sequence[Sample]) -> list[NDArray[np.float32]]:
        """`[h w]` metres per sample.

        Raises:
            TeacherError: for a sample without ground truth.
        """
        maps = []
        for sample in samples:
            if sample.depth_m is None:
                raise TeacherError(
                    f"frame {sample.sample_id} has no ground-truth depth, which is all that the "
                    "teacher 'truth' reads; take another teacher"
                )
            depth = sample.depth_m.astype(np.float32)
            with np.errstate(invalid="ignore"):
                depth[~(np.isfinite(depth) & (depth > 0))] = np.nan
            if sample.sky is not None:
                depth[sample.sky & np.isnan(depth)] = SKY_M
            maps.append(depth)
        return maps
