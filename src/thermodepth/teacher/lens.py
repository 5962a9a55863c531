"""Metres of a foreign teacher, brought from the lens that they hold for to the lens of the picture.

A metric network that is told no focal length sees every picture as one of its own lens. Resized to the same
width, a picture that sees less across shows everything larger, and so nearer:

    D = D_teacher tan(teacher's view / 2) / tan(picture's view / 2)

as Metric3D has it with focal lengths (Yin et al., ICCV 2023, arXiv 2307.10984).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from thermodepth.camera import focal_of_view
from thermodepth.errors import TeacherError
from thermodepth.teacher.interface import ChecksFrames, Teacher, fingerprint_of
from thermodepth.teacher.truth import TruthTeacher
from thermodepth.types import Geometry, Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray


class RefittedTeacher:
    """A metric teacher whose metres hold for one field of view, for pictures of any."""

    geometry = Geometry.METRIC_DEPTH

    def __init__(self, teacher: Teacher, field_of_view_deg: float) -> None:
        """
        Args:
            teacher: gives metres.
            field_of_view_deg: across the pictures that it was trained with.

        Raises:
            TeacherError: for a teacher that gives no metres.
        """
        if teacher.geometry is not Geometry.METRIC_DEPTH or isinstance(teacher, TruthTeacher):
            gives = "the truth" if isinstance(teacher, TruthTeacher) else f"{teacher.geometry}"
            raise TeacherError(
                f"teacher.field_of_view_deg={field_of_view_deg:g}: {teacher.description} gives {gives}, "
                "which holds for no lens of its own; leave it out"
            )
        self.teacher = teacher
        self._view_deg = field_of_view_deg

    @property
    def description(self) -> str:
        """The teacher, and the lens that its metres are brought from."""
        return f"{self.teacher.description}, metres of a lens of {self._view_deg:g} degrees"

    def fingerprint(self) -> str:
        """Of the teacher and the field of view."""
        kind = self.teacher.fingerprint().rpartition("-")[0]
        parts = {"teacher": self.teacher.fingerprint(), "field_of_view_deg": self._view_deg}
        return fingerprint_of(f"{kind}.refitted", parts)

    def check_frames(self, sample_ids: Sequence[str]) -> None:
        """As the teacher does.

        Raises:
            TeacherError: as the teacher does.
        """
        if isinstance(self.teacher, ChecksFrames):
            self.teacher.check_frames(sample_ids)

    def label(self, samples: Sequence[Sample]) -> list[NDArray[np.float32]]:
        """`[h w]` metres through each picture's own lens.

        Raises:
            TeacherError: for a picture whose lens is not known, or as the teacher does.
        """
        ratios = [self._ratio(sample) for sample in samples]
        maps = self.teacher.label(samples)
        return [values * np.float32(ratio) for values, ratio in zip(maps, ratios, strict=True)]

    def _ratio(self, sample: Sample) -> float:
        focal_px, width = float(sample.intrinsics[0, 0]), sample.size[1]
        if not (math.isfinite(focal_px) and focal_px > 0):
            raise TeacherError(
                f"frame {sample.sample_id}: its lens is not known, and teacher.field_of_view_deg brings "
                "metres to it; give intrinsics, calibration, focal_px or field_of_view_deg in the "
                "description of the data, or leave teacher.field_of_view_deg out"
            )
        return focal_px / focal_of_view(self._view_deg, width)
