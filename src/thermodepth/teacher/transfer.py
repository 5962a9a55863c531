"""RGB teachers for rigs whose two cameras stand apart: their maps, moved into the thermal view.

    picture gate -> teacher on the RGB grid -> metric by the truth there -> warp -> trust -> label

The label is inverse depth along the *thermal* axis. Its scale means nothing to the structural head, but
without metres no pixel could be moved: 20 % of scale are 13 pixels at 5 m in MS2. Wherever RGB could not
see, and where a pixel's trust (`trust`) is below the least, the label is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from thermodepth.camera import depth_in_view
from thermodepth.config import Settings, identity
from thermodepth.errors import TeacherError
from thermodepth.teacher.interface import MIN_DEPTH_M, Teacher, fingerprint_of, rgb_of
from thermodepth.teacher.metric_fit import MetricFit, fit_metric
from thermodepth.teacher.quality import (
    PictureQuality,
    QualitySettings,
    Rejection,
    agreement_rejection,
    picture_quality,
)
from thermodepth.teacher.trust import TrustSettings, confidence_of
from thermodepth.teacher.warp import warp
from thermodepth.types import Geometry, RgbView, Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray


#: Raised when this code gives other labels of the same maps.
TRANSFER_VERSION = 2


class TransferSettings(Settings):
    """How maps of an RGB camera with a view of its own become labels of the thermal frame."""

    quality: QualitySettings = QualitySettings()
    trust: TrustSettings = TrustSettings()
    #: Give a metric teacher the scale of the frame's truth too.
    refit_metric: bool = False
    #: What lies farther is sky, and is moved as if it were this far.
    far_m: float = Field(default=400.0, ge=10, le=100_000)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Transfer:
    """One frame's label and all that it came from."""

    label: NDArray[np.float32]  # [h w] 1 / metres along the thermal axis, NaN = none
    confidence: NDArray[np.float32]  # [h w] 0 to 1
    warped_inverse: NDArray[np.float32]  # [h w] the label before any pixel was doubted
    hidden: NDArray[np.bool_]  # [h w] RGB could not see what lies on the ray
    outside: NDArray[np.bool_]  # [h w] not in the RGB picture, or behind something in it
    teacher_inverse: NDArray[np.float32] | None  # [h' w'] 1 / metres in the RGB view; None: gated
    picture: PictureQuality
    fit: MetricFit | None
    rejection: Rejection | None

    def facts(self) -> dict[str, Any]:
        """What is kept beside the label: the reason of a rejected frame, and the numbers behind it."""
        fit: dict[str, Any] = {}
        if self.fit is not None:
            fields = ("scale", "shift", "points", "inliers", "residual")
            fit = {name: _plain(getattr(self.fit, name)) for name in fields}
        return {
            "rejected": "" if self.rejection is None else str(self.rejection),
            "labelled": _share(np.isfinite(self.label)),
            "hidden": _share(self.hidden),
            "outside": _share(self.outside),
            **{name: round(value, 4) for name, value in asdict(self.picture).items()},
            **fit,
        }


class TransferringTeacher:
    """A teacher of the RGB view, as a teacher of the thermal one."""

    geometry = Geometry.AFFINE_INVERSE

    def __init__(self, teacher: Teacher, settings: TransferSettings) -> None:
        """
        Args:
            teacher: gives maps of RGB pictures.
            settings: how they are moved.
        """
        self.teacher = teacher
        self._settings = settings

    @property
    def description(self) -> str:
        """The teacher, and that its maps were moved."""
        return f"{self.teacher.description}, moved into the thermal view"

    def fingerprint(self) -> str:
        """Of the teacher, the view and the settings of the transfer."""
        kind = self.teacher.fingerprint().rpartition("-")[0]
        parts = {
            "teacher": self.teacher.fingerprint(),
            "teacher_geometry": str(self.teacher.geometry),
            "view": "thermal",
            "transfer_version": TRANSFER_VERSION,
            "transfer": identity(self._settings),
        }
        return fingerprint_of(f"{kind}.thermal-view", parts)

    def label(self, samples: Sequence[Sample]) -> list[NDArray[np.float32]]:
        """`[h w]` inverse depth along the thermal axis per sample; all NaN for a rejected frame.

        Raises:
            TeacherError: as `transfer`.
        """
        return [transfer.label for transfer in self.transfer(samples)]

    def explained(
        self, samples: Sequence[Sample]
    ) -> list[tuple[NDArray[np.float32], dict[str, Any]]]:
        """The labels, each with the facts that a store keeps beside it."""
        return [(transfer.label, transfer.facts()) for transfer in self.transfer(samples)]

    def transfer(self, samples: Sequence[Sample]) -> list[Transfer]:
        """The labels with their trust and everything on the way.

        Raises:
            TeacherError: naming the frame, when its RGB has no view of its own, or as the teacher does.
        """
        pictures = [picture_quality(rgb_of(sample)) for sample in samples]
        reasons = [
            _skew(sample, self._settings.quality, motion_known=_view_of(sample).motion is not None)
            or picture.rejection(self._settings.quality)
            for sample, picture in zip(samples, pictures, strict=True)
        ]
        # A picture that will not be used need not be looked at by a large network.
        usable = [s for s, reason in zip(samples, reasons, strict=True) if reason is None]
        maps = iter(self.teacher.label([as_rgb_sees(s) for s in usable]) if usable else [])
        return [
            _nothing(sample, picture, reason)
            if reason is not None
            else transfer_map(
                next(maps),
                self.teacher.geometry,
                sample,
                self._settings,
                picture=picture,
            )
            for sample, picture, reason in zip(samples, pictures, reasons, strict=True)
        ]


def as_rgb_sees(sample: Sample) -> Sample:
    """The frame as if its RGB camera were the only one: what a teacher of RGB pictures is given.

    Raises:
        TeacherError: for a frame without RGB, or without a view of its own.
    """
    rgb, view = rgb_of(sample), _view_of(sample)
    return replace(
        sample,
        thermal=np.zeros(rgb.shape[:2], np.uint16),
        intrinsics=view.intrinsics,
        depth_m=view.depth_m,
        rgb_view=None,
    )


def transfer_map(
    values: NDArray[np.float32],
    geometry: Geometry,
    sample: Sample,
    settings: TransferSettings,
    *,
    picture: PictureQuality,
) -> Transfer:
    """One teacher's map `[h' w']` of the RGB view as a label `[h w]` of the thermal frame.

    Args:
        values: in `geometry`, NaN = none.
        geometry: what they mean.
        sample: the frame, with `rgb_view`; its truth places the map in metres.
        settings: gates and trust.
        picture: what the picture gate found.

    Raises:
        TeacherError: for a frame without an RGB view of its own.
    """
    view = _view_of(sample)
    rgb_from_thermal = np.asarray(view.rgb_from_thermal, np.float64)
    if view.motion is not None:
        rgb_from_thermal = rgb_from_thermal @ view.motion
    truth_m = _truth_in_rgb(sample, view, rgb_from_thermal, (values.shape[0], values.shape[1]))
    fit = fit_metric(values, geometry, truth_m, refit_metric=settings.refit_metric)
    needs_truth = geometry is not Geometry.METRIC_DEPTH or settings.refit_metric
    reason = agreement_rejection(fit, settings.quality, needs_truth=needs_truth)
    if reason is not None:
        return replace(_nothing(sample, picture, reason), fit=fit)
    inverse = np.clip(fit.inverse(values), 1 / settings.far_m, 1 / MIN_DEPTH_M).astype(np.float32)
    warped = warp(
        inverse,
        rgb_intrinsics=view.intrinsics,
        thermal_intrinsics=sample.intrinsics,
        rgb_from_thermal=rgb_from_thermal,
        size=sample.size,
    )
    confidence = confidence_of(
        inverse,
        truth_m,
        warped,
        view=view,
        intrinsics=sample.intrinsics,
        settings=settings.trust,
    )
    if math.isfinite(fit.residual):  # a frame at the edge of being rejected is half trusted
        confidence *= np.float32(1 - 0.5 * min(fit.residual / settings.quality.max_residual, 1))
    trusted = confidence >= settings.trust.min_confidence
    return Transfer(
        label=np.where(trusted, warped.inverse, np.float32(np.nan)),
        confidence=confidence,
        warped_inverse=warped.inverse,
        hidden=warped.hidden,
        outside=warped.outside,
        teacher_inverse=inverse,
        picture=picture,
        fit=fit,
        rejection=None if trusted.any() else Rejection.NO_TRUSTED_PIXEL,
    )


def _truth_in_rgb(
    sample: Sample, view: RgbView, rgb_from_thermal: NDArray[np.float64], size: tuple[int, int]
) -> NDArray[np.float32] | None:
    """The truth of the RGB view; where there is none, that of the thermal view moved there."""
    if view.depth_m is not None:
        return view.depth_m
    if sample.depth_m is None:
        return None
    return depth_in_view(
        sample.depth_m,
        intrinsics=sample.intrinsics,
        to_intrinsics=view.intrinsics,
        other_from_this=rgb_from_thermal,
        size=size,
    )


def _nothing(sample: Sample, picture: PictureQuality, reason: Rejection) -> Transfer:
    empty = np.zeros(sample.size, bool)
    return Transfer(
        label=np.full(sample.size, np.nan, np.float32),
        confidence=np.zeros(sample.size, np.float32),
        warped_inverse=np.full(sample.size, np.nan, np.float32),
        hidden=empty,
        outside=empty,
        teacher_inverse=None,
        picture=picture,
        fit=None,
        rejection=reason,
    )


def _skew(sample: Sample, settings: QualitySettings, *, motion_known: bool) -> Rejection | None:
    late = abs(_view_of(sample).later_s) > settings.max_skew_s
    return Rejection.SKEWED if late and not motion_known else None


def _view_of(sample: Sample) -> RgbView:
    if sample.rgb_view is None:
        raise TeacherError(
            f"frame {sample.sample_id}: its RGB lies on the thermal pixel grid, that of other frames of this "
            "data set does not; make two data sets of them, whose labels are kept apart"
        )
    return sample.rgb_view


def _share(mask: NDArray[np.bool_]) -> float:
    return round(float(mask.mean()), 4)


def _plain(value: float) -> float | int | None:
    """For JSON, which has no NaN."""
    return value if math.isfinite(value) else None
