"""One thermal frame in, metric depth and structure out. RGB is never asked for."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F

from thermodepth.camera import focal_of_view
from thermodepth.data.transform import resize_image
from thermodepth.errors import DataError, SettingsError, WeightsError
from thermodepth.inference.bounds import (
    MAX_NETWORK_PIXELS,
    check_finite,
    check_frame_size,
    check_maps,
)
from thermodepth.inference.depth import NO_EXPECTED_ERROR as NO_EXPECTED_ERROR
from thermodepth.inference.depth import Depth as Depth
from thermodepth.inference.lens import FrameLens, Lens, network_focal
from thermodepth.inference.working_size import size_note
from thermodepth.model import LoadedModel, load_model, resolve_model
from thermodepth.model.error_calibration import relative_errors
from thermodepth.shipped import DEFAULT_MODEL
from thermodepth.thermal import (
    NormaliserState,
    check_compatible,
    normalise,
    read_thermal,
    refuse_telemetry,
    thermal_unit,
)
from thermodepth.thermal.flir_lens import stated_view_deg
from thermodepth.types import Sample, ThermalUnit

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_SIDE, MAX_SIDE = 32, 4096  # of what the network sees, the shorter side


class Predictor:
    """A loaded model with its own input recipe."""

    def __init__(
        self,
        model: LoadedModel,
        *,
        device: str = "auto",
        short_side: int | None = None,
        lens: Lens | None = None,
        name: str = "",
    ) -> None:
        """
        Args:
            model: from `load_model`.
            device: auto, cpu or cuda.
            short_side: pixels of the shorter side that the network sees; None takes what it was
                trained at. Below the sizes of its training, or far above them, a warning says so. The
                metres of a model that is not told the lens are only as good as this is close to the
                training's.
            lens: of the camera, for frames that come without one; None: the training's is taken, with a
                warning.
            name: what people call the model; empty: its fingerprint.

        Raises:
            SettingsError: for a device that is not there, or a size below 32.
            WeightsError: for a model that reads RGB.
        """
        if model.recipe.modality != "thermal":
            raise WeightsError(
                f"model {model.fingerprint}: reads RGB; prediction takes a thermal model"
            )
        if device not in ("auto", "cpu", "cuda"):
            raise SettingsError(f"device '{device}': expected auto, cpu or cuda")
        if device == "cuda" and not torch.cuda.is_available():
            raise SettingsError("device cuda: this machine has no CUDA device; use cpu or auto")
        if short_side is not None and not MIN_SIDE <= short_side <= MAX_SIDE:
            raise SettingsError(
                f"short side {short_side}: expected {MIN_SIDE} to {MAX_SIDE} pixels"
            )
        has_cuda = torch.cuda.is_available() and device != "cpu"
        self._device = torch.device("cuda" if has_cuda else "cpu")
        self.model = model
        self.name = name or model.fingerprint
        self._network = model.network.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._short_side = short_side or min(model.recipe.working_size)
        self.lens = lens
        self._warned: set[str] = set()  # texts of warnings, each of which comes once

    def __call__(
        self,
        thermal: NDArray[Any] | Path | str,
        *,
        focal_px: float | None = None,
        fov_deg: float | None = None,
        intrinsics: Any = None,
    ) -> Depth:
        """Depth of one thermal frame.

        Args:
            thermal: `[h w]` uint8 (after gain control), uint16 (counts) or float (kelvin), or the
                path of a file that `read_thermal` reads.
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
        if isinstance(thermal, (str, Path)):
            raw, unit = read_thermal(Path(thermal))
            lens = lens or self.stated_lens(Path(thermal))
        else:
            raw = np.asarray(thermal)
            unit = thermal_unit(raw, "thermal")
            refuse_telemetry(raw, "thermal")
        return self.predict([raw], unit=unit, lens=lens)[0]

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
            DataError: for frames of different sizes, a strip, or more pixels than `bounds` allows.
            SettingsError: for a unit that the model's normaliser cannot read, or a lens that cannot be
                that of such frames.
            WeightsError: for a model whose maps are no numbers.
        """
        recipe = self.model.recipe
        check_compatible(recipe.normaliser, unit, trained_on=recipe.trained_unit)
        size = (int(frames[0].shape[0]), int(frames[0].shape[1]))
        if any(frame.shape != size for frame in frames):
            sizes = sorted({"x".join(map(str, frame.shape[::-1])) for frame in frames})
            raise DataError(f"frames of {', '.join(sizes)}: one pass takes one size")
        inner = self.network_size(size)
        check_frame_size(size, inner)
        if note := size_note(min(inner), recipe.trained_short_sides):
            self._warn_once(note)
        lenses = self._lenses(lens, len(frames), size)
        focal_px = self._network_focals(lenses, size, inner)
        # As in training: the raw frame is resized, then normalised.
        inputs = [
            normalise(resize_image(_resizable(frame), inner), unit, recipe.normaliser, state)
            for frame in frames
        ]
        at_once = max(MAX_NETWORK_PIXELS // (inner[0] * inner[1]), 1)
        results: list[Depth] = []
        for first in range(0, len(inputs), at_once):
            part = np.stack(inputs[first : first + at_once])[:, None]
            focal_part = None if focal_px is None else focal_px[first : first + at_once]
            results += self._run(part, size, focal_part)
        return [
            replace(result, lens=frame_lens, thermal=frame, thermal_unit=unit)
            for result, frame_lens, frame in zip(results, lenses, frames, strict=True)
        ]

    def stated_lens(self, path: Path) -> Lens | None:
        """The lens that a radiometric file states, where the model wants one and none was given at loading.

        Raises:
            DataError: for a radiometric file that is damaged.
        """
        if self.lens is not None or self.model.recipe.lens is None:
            return None
        view_deg = stated_view_deg(path)
        if view_deg is None:
            return None
        self._warn_once(
            f"the lens is taken from the radiometric file, which states {view_deg:.1f} degrees across"
        )
        return Lens.from_options(fov_deg=view_deg)

    @property
    def tells_relative_error(self) -> bool:
        """Whether results have it: the model has the head, and a calibration of it."""
        return self.model.recipe.error_calibration is not None

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

    @torch.inference_mode()
    def _run(
        self, image: NDArray[np.float32], size: tuple[int, int], focal_px: Sequence[float] | None
    ) -> list[Depth]:
        """The network on prepared input `[b c h w]`, its maps brought to `size`."""
        x = torch.from_numpy(image).to(self._device)
        f = None if focal_px is None else torch.tensor(focal_px, device=self._device)
        prediction = self._network(x.contiguous(memory_format=torch.channels_last), f)
        # Metric depth is enlarged as a logarithm: half way between 2 m and 8 m is 4 m.
        layers = [prediction.log_depth, prediction.structure]
        has_sky = prediction.sky_logit is not None
        if prediction.sky_logit is not None:
            layers.append(prediction.sky_logit)
        if self.tells_relative_error:
            assert prediction.log_error is not None, "a recipe with a calibration has the head"
            layers += prediction.log_error.unbind(1)
        maps = torch.stack(layers, dim=1)
        if tuple(maps.shape[-2:]) != size:
            maps = F.interpolate(maps, size=size, mode="bilinear", align_corners=False)
        depth_m = maps[:, 0].exp().float().cpu().numpy()
        structure = maps[:, 1].float().cpu().numpy()
        check_maps(depth_m, structure, self.model.fingerprint)
        sky = list((maps[:, 2] > 0).cpu().numpy()) if has_sky else [None] * len(depth_m)
        errors: list[Any] = [(None, None)] * len(depth_m)
        if self.tells_relative_error:
            log_error = maps[:, 2 + has_sky :].float().cpu().numpy()
            errors = [self._relative_errors(e, d) for e, d in zip(log_error, depth_m, strict=True)]
        return [
            Depth(depth_m=d, structure=s, sky=k, relative_error=e[0], relative_error_90=e[1])
            for d, s, k, e in zip(depth_m, structure, sky, errors, strict=True)
        ]

    def _relative_errors(
        self, log_error: NDArray[np.float32], depth_m: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """
        Raises:
            WeightsError: for a head that says no numbers.
        """
        check_finite(log_error, "the relative error", self.model.fingerprint)
        near, far = self.model.recipe.model.depth_range_m or (1.0, 1.0)
        calibration = self.model.recipe.error_calibration
        return relative_errors(log_error, depth_m, calibration, log_range=math.log(far / near))

    def _lenses(
        self, lens: Lens | Sequence[float] | None, count: int, size: tuple[int, int]
    ) -> list[FrameLens | None]:
        """`[count]` the lens of each frame; None where nobody states one and the model is not told it."""
        stated = lens if isinstance(lens, Lens) else None
        if self.model.recipe.lens is None and (stated or self.lens):
            self._warn_once(
                "the lens has no effect: this model is not told it, and its metres hold for the "
                "lens that it was trained with"
            )
        frame_px = [float("nan")] * count if lens is None or isinstance(lens, Lens) else list(lens)
        if all(f > 0 for f in frame_px):
            return [_centred_lens(f, size) for f in frame_px]
        default = self._default_lens(stated, size)
        return [_centred_lens(f, size) if f > 0 else default for f in frame_px]

    def _network_focals(
        self, lenses: Sequence[FrameLens | None], size: tuple[int, int], inner: tuple[int, int]
    ) -> list[float] | None:
        """Focal lengths in pixels of the network's input; None for a model that ignores them."""
        if self.model.recipe.lens is None:
            return None
        focal_px = []
        for lens in lenses:
            assert lens is not None, "a model that is told the lens has that of its training"
            focal_px.append(network_focal(lens.focal_px, size, inner))
        return focal_px

    def _default_lens(self, lens: Lens | None, size: tuple[int, int]) -> FrameLens | None:
        """Of a frame without a lens of its own."""
        lens = lens or self.lens
        if lens is not None:
            frame_lens = FrameLens(intrinsics=lens.intrinsics_of(size))
            if note := lens.rescales(size):
                self._warn_once(note)
            return frame_lens
        training = self.model.recipe.lens
        if training is None:
            return None
        self._warn_once(
            f"the lens is not known: taken is the training's, {training.field_of_view_deg:.0f} degrees "
            "along the frame's long side. With another lens all metres are off by one factor; give focal_px, "
            "fov_deg, intrinsics or a calibration"
        )
        return _centred_lens(
            focal_of_view(training.field_of_view_deg, max(size)), size, assumed=True
        )

    def _warn_once(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            warnings.warn(text, stacklevel=2)

    def network_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """(rows, columns) the network sees of a frame: the aspect is kept."""
        scale = self._short_side / min(size)
        return max(round(size[0] * scale), 32), max(round(size[1] * scale), 32)

    def __repr__(self) -> str:
        recipe = self.model.recipe
        return (
            f"Predictor('{self.name}', encoder {recipe.model.encoder}, short side {self._short_side}, "
            f"{self._lens_text()}, {self._device.type})"
        )

    def _repr_html_(self) -> str:
        from thermodepth.notebook import table_html, titled_html

        recipe = self.model.recipe
        near_m, far_m = recipe.model.depth_range_m or (math.nan, math.nan)
        shortest, longest = recipe.trained_short_sides
        weights = sum(parameter.numel() for parameter in self._network.parameters())
        heads = ["structure", "metric depth"] + ["sky"] * recipe.model.sky
        rows = [
            ("fingerprint", self.model.fingerprint),
            ("encoder", recipe.model.encoder),
            ("weights", f"{weights / 1e6:.2f} million"),
            ("heads", ", ".join(heads + ["relative error"] * self.tells_relative_error)),
            ("depth", f"{near_m:g} to {far_m:g} m"),
            ("short side", f"{self._short_side} pixels (trained at {shortest} to {longest})"),
            ("lens", self._lens_text().removeprefix("lens ")),
            ("trained on", recipe.trained_unit.value),
            ("device", self._device.type),
        ]
        return titled_html(self.name, table_html(rows))

    def _lens_text(self) -> str:
        """The lens in a few words."""
        training = self.model.recipe.lens
        if self.lens is not None:
            stated = str(self.lens)
            return stated if training is not None else f"{stated} (metres ignore it)"
        if training is None:
            return "lens that of its training"
        return f"lens of each frame, else {training.field_of_view_deg:.0f} deg assumed"


def _centred_lens(focal_px: float, size: tuple[int, int], *, assumed: bool = False) -> FrameLens:
    """Of a frame of (rows, columns) whose middle the axis meets."""
    rows, columns = size
    intrinsics = np.array([[focal_px, 0, columns / 2], [0, focal_px, rows / 2], [0, 0, 1]])
    return FrameLens(intrinsics=intrinsics, assumed=assumed)


def _resizable(frame: NDArray[Any]) -> NDArray[Any]:
    """Counts come as any integer, kelvin as any float, in either byte order; resizing knows these three."""
    if frame.dtype.kind == "f":
        return frame.astype(np.float32)
    return frame.astype(np.uint8 if frame.dtype == np.uint8 else np.uint16)


def load(
    model: str | Path = DEFAULT_MODEL,
    *,
    device: str = "auto",
    short_side: int | None = None,
    focal_px: float | None = None,
    fov_deg: float | None = None,
    intrinsics: Any = None,
    calibration: Path | str | None = None,
) -> Predictor:
    """A predictor from a built-in name, a run folder or a model folder.

    Args:
        model: its name or folder.
        device: auto, cpu or cuda.
        short_side: as `Predictor` has it.
        focal_px: of the camera, in pixels of its frames; or
        fov_deg: what its columns see, degrees; or
        intrinsics: `[3 3]`, or fx, fy, cx, cy, in pixels of its frames; or
        calibration: a file of any format that is read here.

    Raises:
        WeightsError: when there is no such model, or it reads RGB.
        SettingsError: for a lens that cannot be.
        DataError: for a calibration that cannot be read.
    """
    lens = Lens.from_options(
        focal_px=focal_px, fov_deg=fov_deg, intrinsics=intrinsics, calibration=calibration
    )
    loaded = load_model(resolve_model(str(model)))
    return Predictor(
        loaded, device=device, short_side=short_side, lens=lens, name=_model_name(model)
    )


def _model_name(model: str | Path) -> str:
    """A built-in name as it stands, a folder by its last part."""
    return Path(model).name or str(model)
