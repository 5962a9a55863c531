"""`metres.json`: a scale calibration with its samples, for one model, one lens and one working size.

The samples stand in it with their raw predictions, so that more of them lead to a new fit of all, and nothing
is ever fitted to depth that was calibrated before.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from thermodepth.calibration.types import Distortion
from thermodepth.calibration.undistortion import applies
from thermodepth.checksums import read_record, write_record
from thermodepth.config import Settings
from thermodepth.errors import DataError, SettingsError
from thermodepth.scale_calibration.correction import Correction, Form
from thermodepth.scale_calibration.samples import DistanceSample

FILE_NAME = "metres.json"
MOST_SAMPLES = 20_000
#: A lens that differs by more makes other metres.
SAME_LENS = 0.02
_REMEDY = "calibrate again, or leave it out (--uncalibrated)"

_Positive = Annotated[float, Field(gt=0, lt=1e9)]


class CalibrationLens(Settings):
    """The lens that the samples were predicted with."""

    fx: _Positive  # pixels of the frame
    fy: _Positive
    cx: float
    cy: float
    assumed: bool = False  # nobody stated it: it is that of the model's training
    distortion_model: str = ""  # empty: the rays of a pinhole
    distortion_coefficients: tuple[float, ...] = ()

    @classmethod
    def from_intrinsics(
        cls, intrinsics: NDArray[np.float64], *, assumed: bool, distortion: Distortion | None = None
    ) -> Self:
        """Of a matrix `[3 3]`, and what the lens does beyond a pinhole."""
        (fx, _, cx), (_, fy, cy) = intrinsics[:2].tolist()
        return cls(
            fx=fx,
            fy=fy,
            cx=cx,
            cy=cy,
            assumed=assumed,
            distortion_model="" if distortion is None else distortion.model,
            distortion_coefficients=() if distortion is None else distortion.coefficients,
        )

    @model_validator(mode="after")
    def _distortion_is_known(self) -> Self:
        if self.distortion is not None and not applies(self.distortion):
            raise ValueError(
                f"distortion_model {self.distortion_model!r} with {len(self.distortion_coefficients)} "
                "coefficients is not known"
            )
        return self

    @property
    def distortion(self) -> Distortion | None:
        """What the lens does beyond a pinhole."""
        if not self.distortion_model:
            return None
        return Distortion(model=self.distortion_model, coefficients=self.distortion_coefficients)

    @property
    def intrinsics(self) -> NDArray[np.float64]:
        """`[3 3]` pixels of the frame."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1]])

    @property
    def focal_px(self) -> float:
        """Focal length in pixels, the geometric mean of both."""
        return math.sqrt(self.fx * self.fy)

    def view_deg(self, columns: int) -> float:
        """What so many columns see, degrees."""
        return math.degrees(2 * math.atan(columns / 2 / self.fx))


class FitRecord(Settings):
    """One fit, as it was when it was made."""

    samples: int = Field(ge=1)
    scale: _Positive
    form: Form
    interval: tuple[_Positive, _Positive] | None = None


class ScaleCalibration(Settings):
    """Metres of one camera: what is done to the raw depth of a model, and what says so."""

    format: Literal[1] = 1
    model: str  # fingerprint of its weights and recipe
    model_name: str = ""  # what people call it
    short_side: int = Field(ge=1)  # pixels that the network saw
    frame_size: tuple[int, int]  # rows, columns
    lens: CalibrationLens | None = None  # None: not known, of a model that is not told it
    scale: _Positive  # the one factor over all samples
    interval: tuple[_Positive, _Positive] | None = (
        None  # of the scale, 95 %; None: too little for one
    )
    correction: Correction  # what is applied
    #: Form -> mean |ln(corrected / measured)| of samples that were left out of its fit.
    left_out_errors: dict[str, float] = Field(default_factory=dict)
    samples: Annotated[tuple[DistanceSample, ...], Field(min_length=1, max_length=MOST_SAMPLES)]
    history: tuple[FitRecord, ...] = ()  # oldest first; the last is this one

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if not all(1 <= side <= 65535 for side in self.frame_size):
            raise ValueError(f"frame_size {list(self.frame_size)}: expected rows and columns")
        places = [sample.place for sample in self.samples]
        if len(set(places)) != len(places):
            raise ValueError("samples: two of one pixel of one frame")
        if self.interval is not None and not self.interval[0] <= self.scale <= self.interval[1]:
            raise ValueError(
                f"interval {list(self.interval)}: does not hold the scale {self.scale:g}"
            )
        return self

    @property
    def residuals(self) -> NDArray[np.float64]:
        """`[n]` (calibrated - measured) / measured of every sample."""
        measured_m = np.array([sample.depth_m for sample in self.samples])
        return np.asarray(self.calibrated_m / measured_m - 1)

    @property
    def calibrated_m(self) -> NDArray[np.float64]:
        """`[n]` what every sample's raw depth becomes, metres."""
        raw = np.array([sample.predicted_m for sample in self.samples])
        return np.asarray(self.correction.corrected(raw), np.float64)

    def corrected(self, depth_m: NDArray[np.float32]) -> NDArray[np.float32]:
        """Metres `[h w]` of raw depth `[h w]`."""
        return np.asarray(self.correction.corrected(depth_m), np.float32)

    def __str__(self) -> str:
        """Such as `1.23 x depth, scale 1.23 [1.2, 1.26] of 5 samples`."""
        text = f"scale {self.scale:.3g}"
        if self.interval is not None:
            text += f" [{self.interval[0]:.3g}, {self.interval[1]:.3g}]"
        samples = "1 sample" if len(self.samples) == 1 else f"{len(self.samples)} samples"
        formula = "" if self.correction.form == "scale" else f"{self.correction}, "
        return f"{formula}{text} of {samples}"

    # --- whose it is --------------------------------------------------------------------------------

    def check_model(self, fingerprint: str, short_side: int, where: str = FILE_NAME) -> None:
        """Refuse another model, or the same one at another working size: its raw depth is another.

        Raises:
            SettingsError: with both.
        """
        name = f" ({self.model_name})" if self.model_name else ""
        if self.model != fingerprint:
            raise SettingsError(
                f"{where}: a calibration of model {self.model}{name}, and this is model {fingerprint}; "
                f"{_REMEDY}"
            )
        if self.short_side != short_side:
            raise SettingsError(
                f"{where}: calibrated at a short side of {self.short_side} pixels, and the network is to see "
                f"{short_side}, which gives other depths; give --short-side {self.short_side}, or {_REMEDY}"
            )

    def check_lens(
        self, focal_px: float | None, size: tuple[int, int], where: str = FILE_NAME
    ) -> None:
        """Refuse frames through another lens, or of another shape where no lens is known.

        A resized frame has the same field of view, a cropped one the same focal length in pixels; either will
        do.

        Args:
            focal_px: of the frame, in its pixels; None: not known.
            size: (rows, columns) of the frame.
            where: what messages call this calibration.

        Raises:
            SettingsError: with both.
        """
        rows, columns = self.frame_size
        if self.lens is None or focal_px is None:
            if abs(math.log(size[1] / size[0] * rows / columns)) > SAME_LENS:
                raise SettingsError(
                    f"{where}: calibrated with frames of {columns}x{rows}, and this is {size[1]}x{size[0]}, "
                    f"another shape, with no lens to compare; {_REMEDY}"
                )
            return
        ratio = focal_px / self.lens.focal_px
        resized = max(size) / max(self.frame_size)
        if min(abs(math.log(ratio)), abs(math.log(ratio / resized))) > SAME_LENS:
            own = f"{self.lens.view_deg(columns):.1f} degrees across {columns}x{rows}"
            if self.lens.assumed:
                own += " (assumed: nobody stated one)"
            view_deg = math.degrees(2 * math.atan(size[1] / 2 / focal_px))
            raise SettingsError(
                f"{where}: calibrated with a lens of {own}, and this frame has {view_deg:.1f} degrees across "
                f"{size[1]}x{size[0]}; another lens has metres of its own: {_REMEDY}"
            )

    # --- on disk ------------------------------------------------------------------------------------

    def write(self, path: Path) -> None:
        """Write it with its checksum, whole or not at all.

        Raises:
            OutputError: where it cannot be written.
        """
        write_record(path, self.tree())

    @classmethod
    def read(cls, path: Path) -> Self:
        """What `write` wrote.

        Raises:
            DataError: naming the file, when it is missing, not as it was written, or no scale calibration.
        """
        tree = read_record(path, remedy=_REMEDY)
        try:
            return cls.parse(tree, where=str(path))
        except SettingsError as error:
            raise DataError(f"{error}; {_REMEDY}") from None


def stored_calibration(folder: Path) -> ScaleCalibration | None:
    """The calibration that a model folder keeps; None where it has none.

    Raises:
        DataError: as `ScaleCalibration.read`.
    """
    path = folder / FILE_NAME
    return ScaleCalibration.read(path) if path.exists() else None


def calibration_of(
    folder: Path | None, *, metres: Path | str | None = None, uncalibrated: bool = False
) -> ScaleCalibration | None:
    """The calibration of a file, else what a model folder keeps; None where neither has one.

    Args:
        folder: of the model; None for a graph, beside which nothing is looked for.
        metres: a file that `write` wrote.
        uncalibrated: leave out what the folder keeps.

    Raises:
        SettingsError: for a file that is to be left out.
        DataError: as `ScaleCalibration.read`.
    """
    if metres is not None and uncalibrated:
        raise SettingsError(f"uncalibrated: leaves out {metres}; give one of them")
    if uncalibrated:
        return None
    if metres is not None:
        return ScaleCalibration.read(Path(metres))
    return None if folder is None else stored_calibration(folder)
