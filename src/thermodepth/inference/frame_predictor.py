"""What every predictor does around its model: units, sizes and lenses in, results out. It loads no torch."""

from __future__ import annotations

import copy
import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from thermodepth.camera import focal_of_view, view_of_focal
from thermodepth.errors import DataError, SettingsError
from thermodepth.inference.bounds import check_frame_size
from thermodepth.inference.depth import Depth
from thermodepth.inference.lens import FrameLens, Lens
from thermodepth.inference.model_facts import ModelFacts
from thermodepth.inference.working_size import LEAST_SIDE, network_size, size_note
from thermodepth.scale_calibration import ScaleCalibration
from thermodepth.sources import FailedFrame, SourceFrame
from thermodepth.thermal import (
    NormaliserState,
    check_compatible,
    read_thermal,
    refuse_telemetry,
    thermal_unit,
)
from thermodepth.thermal.flir_lens import stated_view_deg
from thermodepth.types import Sample, ThermalUnit

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_SIDE, MAX_SIDE = LEAST_SIDE, 4096  # of what the network sees, the shorter side


class FramePredictor(ABC):
    """Frames in, depth out; what runs the network is a subclass's."""

    def __init__(
        self,
        facts: ModelFacts,
        *,
        short_side: int | None,
        lens: Lens | None,
        name: str,
        scale_calibration: ScaleCalibration | None = None,
    ) -> None:
        """
        Args:
            facts: of the model.
            short_side: pixels of the shorter side that the network sees; None: as trained.
            lens: of the camera, for frames that come without one.
            name: what people call the model; empty: its fingerprint.
            scale_calibration: of this model on the camera whose frames come; its lens is taken where no other
                is known. None: depth is the model's own.

        Raises:
            SettingsError: for a size below 32, or the calibration of another model.
        """
        if short_side is not None and not MIN_SIDE <= short_side <= MAX_SIDE:
            raise SettingsError(
                f"short side {short_side}: expected {MIN_SIDE} to {MAX_SIDE} pixels"
            )
        self.facts = facts
        self.name = name or facts.weights_fingerprint
        self._short_side = short_side or facts.short_side
        self.lens = lens
        self.scale_calibration = scale_calibration
        if scale_calibration is not None:
            scale_calibration.check_model(facts.weights_fingerprint, self._short_side)
        #: Taken where no other is known; it stays when the calibration is left out.
        self._calibration_lens = calibration_lens(scale_calibration)
        self._warned: set[str] = set()  # texts of warnings, each of which comes once

    @abstractmethod
    def _depths(
        self,
        frames: Sequence[NDArray[Any]],
        *,
        unit: ThermalUnit,
        state: NormaliserState | None,
        focal_px: Sequence[float] | None,
    ) -> list[Depth]:
        """The maps of frames of one size, which were looked at before.

        Args:
            frames: `[h w]` each, raw.
            unit: of all of them.
            state: of a video.
            focal_px: of each frame, in its own pixels; None for a model that is not told the lens.
        """

    @property
    @abstractmethod
    def device_text(self) -> str:
        """What it runs on, such as `cpu`."""

    def __call__(
        self,
        thermal: NDArray[Any] | SourceFrame | FailedFrame | Path | str,
        *,
        focal_px: float | None = None,
        fov_deg: float | None = None,
        intrinsics: Any = None,
    ) -> Depth:
        """Depth of one thermal frame.

        Args:
            thermal: `[h w]` uint8 (after gain control), uint16 (counts) or float (kelvin), the path of a
                file that `read_thermal` reads, or a frame of `thermodepth.frames`.
            focal_px: focal length in pixels of the frame; or
            fov_deg: what its columns see, degrees; or
            intrinsics: `[3 3]`, or fx, fy, cx, cy, in pixels of the frame. None of the three: the lens that
                was given at loading, or the training's, with a warning.

        Raises:
            DataError: for a file or array that is not one thermal frame, or has rows of telemetry.
            SettingsError: for a lens that cannot be.
            WeightsError: for a model whose maps are no numbers.
        """
        lens = Lens.from_options(focal_px=focal_px, fov_deg=fov_deg, intrinsics=intrinsics)
        if isinstance(thermal, FailedFrame):
            raise thermal.error
        if isinstance(thermal, SourceFrame):
            raw, unit = thermal.raw, thermal.unit
            lens = lens or self._lens_of_frame(thermal)
        elif isinstance(thermal, (str, Path)):
            raw, unit = read_thermal(Path(thermal))
            lens = lens or self.stated_lens(Path(thermal))
        else:
            raw = np.asarray(thermal)
            unit = thermal_unit(raw, "thermal")
            refuse_telemetry(raw, "thermal")
        return self.predict([raw], unit=unit, lens=lens)[0]

    def predict_frame(self, frame: SourceFrame, *, state: NormaliserState | None = None) -> Depth:
        """Depth of a frame of a source, through the lens given at loading, or the one that the source states.

        Args:
            frame: of `thermodepth.frames`.
            state: one for each video, for recipes that remember earlier frames; None for stills.

        Raises:
            DataError, SettingsError, WeightsError: as `predict`.
        """
        lens = self._lens_of_frame(frame)
        return self.predict([frame.raw], unit=frame.unit, state=state, lens=lens)[0]

    def predict(
        self,
        frames: Sequence[NDArray[Any]],
        *,
        unit: ThermalUnit,
        state: NormaliserState | None = None,
        lens: Lens | Sequence[float] | None = None,
    ) -> list[Depth]:
        """Depth of several raw frames `[h w]` of one size, in one pass of the network.

        Args:
            frames: in the order of time, where they are a video.
            unit: of all of them.
            state: one for each video, for recipes that remember earlier frames; None for stills.
            lens: of all of them, or the focal length of each in its pixels, NaN where it is not known; None:
                the lens that was given at loading, or the training's, with a warning.

        Raises:
            DataError: for no frame, frames of different sizes, a strip, more pixels than `bounds` allows, or
                values that are no finite numbers.
            SettingsError: for a unit that the model's normaliser cannot read, or a lens that cannot be
                that of such frames.
            WeightsError: for a model whose maps are no numbers.
        """
        check_compatible(self.facts.normaliser, unit, trained_on=self.facts.trained_unit)
        if not frames:
            raise DataError("no frame to predict")
        size = (int(frames[0].shape[0]), int(frames[0].shape[1]))
        if any(frame.shape != size for frame in frames):
            sizes = sorted({"x".join(map(str, frame.shape[::-1])) for frame in frames})
            raise DataError(f"frames of {', '.join(sizes)}: one pass takes one size")
        inner = self.network_size(size)
        check_frame_size(size, inner)
        for frame in frames:
            if frame.dtype.kind == "f" and (broken := np.count_nonzero(~np.isfinite(frame))):
                raise DataError(f"a frame with {broken} of {frame.size} values that are not finite")
        if note := size_note(min(inner), self.facts.short_sides):
            self._warn_once(note)
        lenses = self._lenses(lens, len(frames), size)
        focal_px = self._focals(lenses)
        results = self._depths(frames, unit=unit, state=state, focal_px=focal_px)
        results = [
            replace(result, lens=frame_lens, thermal=frame, thermal_unit=unit)
            for result, frame_lens, frame in zip(results, lenses, frames, strict=True)
        ]
        return [self._in_metres(result) for result in results]

    def _in_metres(self, result: Depth) -> Depth:
        """The same with the metres of the calibration, where there is one.

        Raises:
            SettingsError: for the calibration of another lens.
        """
        calibration = self.scale_calibration
        if calibration is None:
            return result
        size = result.depth_m.shape[0], result.depth_m.shape[1]
        calibration.check_lens(None if result.lens is None else result.lens.focal_px, size)
        depth_m = calibration.corrected(result.depth_m)
        return replace(result, depth_m=depth_m, scale_calibration=calibration)

    def uncalibrated(self) -> Self:
        """The same, whose depth is the model's own; it shares the network and keeps the lens."""
        plain = copy.copy(self)
        plain.scale_calibration = None
        return plain

    def calibrated(self, calibration: ScaleCalibration) -> Self:
        """The same with the metres of a calibration; it shares the network.

        Raises:
            SettingsError: for the calibration of another model, or at another working size.
        """
        calibration.check_model(self.facts.weights_fingerprint, self._short_side)
        other = copy.copy(self)
        other.scale_calibration = calibration
        other._calibration_lens = calibration_lens(calibration)
        return other

    def stated_lens(self, path: Path) -> Lens | None:
        """The lens that a radiometric file states, where the model wants one and none was given at loading.

        Raises:
            DataError: for a radiometric file that is damaged.
        """
        if self.lens is not None or not self.knows_lens:
            return None
        view_deg = stated_view_deg(path)
        if view_deg is None:
            return None
        self._warn_once(
            f"the lens is taken from the radiometric file, which states {view_deg:.1f} degrees across"
        )
        return Lens.from_options(fov_deg=view_deg)

    def _lens_of_frame(self, frame: SourceFrame) -> Lens | None:
        """As `stated_lens`, of a frame that was read already."""
        if self.lens is not None or not self.knows_lens or frame.intrinsics is None:
            return None
        view_deg = view_of_focal(float(frame.intrinsics[0, 0]), frame.raw.shape[1])
        self._warn_once(
            f"the lens is taken from the source, which states {view_deg:.1f} degrees across"
        )
        return Lens.from_options(intrinsics=frame.intrinsics)

    @property
    def short_side(self) -> int:
        """Pixels of the shorter side that the network sees."""
        return self._short_side

    @property
    def tells_relative_error(self) -> bool:
        """Whether results have it: the model has the head, and a calibration of it."""
        return self.facts.calibrated_error

    def maps_of(self, samples: Sequence[Sample]) -> list[tuple[NDArray[np.float32], ...]]:
        """(depth_m, structure) of samples of one size, as the evaluation asks for them.

        Of a model that tells its relative error that is third, `[2 h w]` at 68 and 90 %. Of a sample it sees
        the thermal frame and the lens.
        """
        results = self.predict(
            [s.thermal for s in samples],
            unit=samples[0].thermal_unit,
            lens=[s.focal_px for s in samples],
        )
        return [
            (result.depth_m, result.structure)
            if result.relative_error is None or result.relative_error_90 is None
            else (
                result.depth_m,
                result.structure,
                np.stack([result.relative_error, result.relative_error_90]),
            )
            for result in results
        ]

    @property
    def fingerprint(self) -> str:
        """Changes with the numbers that it gives; the device is left out."""
        return self.facts.weights_fingerprint

    @property
    def frame_unit(self) -> ThermalUnit:
        """Of frames that it was made for."""
        return self.facts.trained_unit

    @property
    def knows_lens(self) -> bool:
        """Whether the model is told the lens; the metres of one that is not hold for its training's."""
        return self.facts.view_deg is not None

    def _lenses(
        self, lens: Lens | Sequence[float] | None, count: int, size: tuple[int, int]
    ) -> list[FrameLens | None]:
        """`[count]` the lens of each frame; None where nobody states one and the model is not told it."""
        stated = lens if isinstance(lens, Lens) else None
        if not self.knows_lens and (stated or self.lens):
            self._warn_once(
                "the lens has no effect: this model is not told it, and its metres hold for the "
                "lens that it was trained with"
            )
        frame_px = [float("nan")] * count if lens is None or isinstance(lens, Lens) else list(lens)
        if all(f > 0 for f in frame_px):
            return [_centred_lens(f, size) for f in frame_px]
        default = self._default_lens(stated, size)
        return [_centred_lens(f, size) if f > 0 else default for f in frame_px]

    def _focals(self, lenses: Sequence[FrameLens | None]) -> list[float] | None:
        """Focal lengths in pixels of the frames; None for a model that ignores them."""
        if not self.knows_lens:
            return None
        focal_px = []
        for lens in lenses:
            assert lens is not None, "a model that is told the lens has that of its training"
            focal_px.append(lens.focal_px)
        return focal_px

    def _default_lens(self, lens: Lens | None, size: tuple[int, int]) -> FrameLens | None:
        """Of a frame without a lens of its own."""
        lens = lens or self.lens or self._calibration_lens
        if lens is not None:
            frame_lens = FrameLens(intrinsics=lens.intrinsics_of(size), distortion=lens.distortion)
            if note := lens.rescales(size):
                self._warn_once(note)
            return frame_lens
        view_deg = self.facts.view_deg
        if view_deg is None:
            return None
        self._warn_once(
            f"the lens is not known: taken is the training's, {view_deg:.0f} degrees "
            "along the frame's long side. With another lens all metres are off by one factor; give focal_px, "
            "fov_deg, intrinsics or a calibration"
        )
        return _centred_lens(focal_of_view(view_deg, max(size)), size, assumed=True)

    def _warn_once(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            warnings.warn(text, stacklevel=2)

    def network_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """(rows, columns) the network sees of a frame: the aspect is kept."""
        return network_size(size, self._short_side)

    def __repr__(self) -> str:
        return (
            f"Predictor('{self.name}', encoder {self.facts.encoder}, short side {self._short_side}, "
            f"{self._lens_text()}, {self._metres_text()}{self.device_text})"
        )

    def _repr_html_(self) -> str:
        from thermodepth.notebook import table_html, titled_html

        facts = self.facts
        near_m, far_m = facts.depth_range_m
        shortest, longest = facts.short_sides
        heads = ["structure", "metric depth"] + ["sky"] * facts.sky
        rows = [
            ("fingerprint", facts.weights_fingerprint),
            ("encoder", facts.encoder),
            ("weights", f"{facts.parameters / 1e6:.2f} million"),
            ("heads", ", ".join(heads + ["relative error"] * self.tells_relative_error)),
            ("depth", f"{near_m:g} to {far_m:g} m"),
            ("short side", f"{self._short_side} pixels (trained at {shortest} to {longest})"),
            ("lens", self._lens_text().removeprefix("lens ")),
            ("calibrated", str(self.scale_calibration or "no")),
            ("trained on", facts.trained_unit.value),
            ("device", self.device_text),
        ]
        return titled_html(self.name, table_html(rows))

    def _metres_text(self) -> str:
        """The calibration in a few words, where there is one."""
        if self.scale_calibration is None:
            return ""
        return f"calibrated: {self.scale_calibration}, "

    def _lens_text(self) -> str:
        """The lens in a few words."""
        if self.lens is not None:
            return str(self.lens) if self.knows_lens else f"{self.lens} (metres ignore it)"
        if self._calibration_lens is not None:
            return "lens of each frame, else of the calibration"
        if self.facts.view_deg is None:
            return "lens that of its training"
        return f"lens of each frame, else {self.facts.view_deg:.0f} deg assumed"


def calibration_lens(calibration: ScaleCalibration | None) -> Lens | None:
    """The lens that somebody stated when calibrating; None where nobody did."""
    if calibration is None or calibration.lens is None or calibration.lens.assumed:
        return None
    return Lens(
        intrinsics=calibration.lens.intrinsics,
        size=calibration.frame_size,
        source="the scale calibration",
        distortion=calibration.lens.distortion,
    )


def _centred_lens(focal_px: float, size: tuple[int, int], *, assumed: bool = False) -> FrameLens:
    """Of a frame of (rows, columns) whose middle the axis meets."""
    rows, columns = size
    intrinsics = np.array([[focal_px, 0, columns / 2], [0, focal_px, rows / 2], [0, 0, 1]])
    return FrameLens(intrinsics=intrinsics, assumed=assumed)
