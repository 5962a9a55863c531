"""One thermal frame in, metric depth and structure out. RGB is never asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F

from thermodepth.data.transform import resize_image
from thermodepth.errors import SettingsError, WeightsError
from thermodepth.inference.bounds import MAX_NETWORK_PIXELS, check_finite, check_maps
from thermodepth.inference.depth import NO_EXPECTED_ERROR as NO_EXPECTED_ERROR
from thermodepth.inference.depth import Depth as Depth
from thermodepth.inference.frame_predictor import FramePredictor
from thermodepth.inference.lens import Lens, network_focal
from thermodepth.inference.model_facts import ModelFacts
from thermodepth.model import LoadedModel, load_model, resolve_model
from thermodepth.model.error_calibration import relative_errors
from thermodepth.scale_calibration import ScaleCalibration, calibration_of
from thermodepth.shipped import DEFAULT_MODEL
from thermodepth.thermal import NormaliserState, normalise
from thermodepth.types import ThermalUnit

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Predictor(FramePredictor):
    """A loaded model with its own input recipe."""

    def __init__(
        self,
        model: LoadedModel,
        *,
        device: str = "auto",
        short_side: int | None = None,
        lens: Lens | None = None,
        name: str = "",
        scale_calibration: ScaleCalibration | None = None,
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
            scale_calibration: as `FramePredictor` has it.

        Raises:
            SettingsError: for a device that is not there, a size below 32, or the calibration of another
                model.
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
        super().__init__(
            facts_of(model),
            short_side=short_side,
            lens=lens,
            name=name,
            scale_calibration=scale_calibration,
        )
        has_cuda = torch.cuda.is_available() and device != "cpu"
        self._device = torch.device("cuda" if has_cuda else "cpu")
        self.model = model
        self._network = model.network.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def device_text(self) -> str:
        """cpu or cuda."""
        return self._device.type

    def _depths(
        self,
        frames: Sequence[NDArray[Any]],
        *,
        unit: ThermalUnit,
        state: NormaliserState | None,
        focal_px: Sequence[float] | None,
    ) -> list[Depth]:
        size = (int(frames[0].shape[0]), int(frames[0].shape[1]))
        inner = self.network_size(size)
        if focal_px is not None:
            focal_px = [network_focal(each, size, inner) for each in focal_px]
        # As in training: the raw frame is resized, then normalised.
        inputs = [
            normalise(_resized(frame, inner), unit, self.facts.normaliser, state)
            for frame in frames
        ]
        at_once = max(MAX_NETWORK_PIXELS // (inner[0] * inner[1]), 1)
        results: list[Depth] = []
        for first in range(0, len(inputs), at_once):
            part = np.stack(inputs[first : first + at_once])[:, None]
            focal_part = None if focal_px is None else focal_px[first : first + at_once]
            results += self._run(part, size, focal_part)
        return results

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
        near, far = self.facts.depth_range_m
        calibration = self.model.recipe.error_calibration
        return relative_errors(log_error, depth_m, calibration, log_range=math.log(far / near))


def facts_of(model: LoadedModel) -> ModelFacts:
    """What predictors must know of it."""
    recipe = model.recipe
    assert recipe.model.depth_range_m is not None, "a recipe has one"
    return ModelFacts(
        weights_fingerprint=model.fingerprint,
        encoder=recipe.model.encoder,
        parameters=sum(parameter.numel() for parameter in model.network.parameters()),
        normaliser=recipe.normaliser,
        trained_unit=recipe.trained_unit,
        short_side=min(recipe.working_size),
        short_sides=recipe.trained_short_sides,
        depth_range_m=recipe.model.depth_range_m,
        view_deg=None if recipe.lens is None else recipe.lens.field_of_view_deg,
        sky=recipe.model.sky,
        relative_error=recipe.model.relative_error,
        calibrated_error=recipe.error_calibration is not None,
    )


def _resized(frame: NDArray[Any], inner: tuple[int, int]) -> NDArray[Any]:
    """Counts come as any integer, kelvin as any float, in either byte order; resizing knows three types.

    OpenCV's builds differ by a grey level where they enlarge 8-bit pictures, so that is done in float32.
    """
    if frame.dtype.kind == "f":
        return resize_image(frame.astype(np.float32), inner)
    if frame.dtype != np.uint8:
        return resize_image(frame.astype(np.uint16), inner)
    if inner[0] <= frame.shape[0] and inner[1] <= frame.shape[1]:
        return resize_image(frame, inner)
    return resize_image(frame.astype(np.float32), inner)


def load(
    model: str | Path = DEFAULT_MODEL,
    *,
    device: str = "auto",
    short_side: int | None = None,
    focal_px: float | None = None,
    fov_deg: float | None = None,
    intrinsics: Any = None,
    calibration: Path | str | None = None,
    metres: Path | str | None = None,
    uncalibrated: bool = False,
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
        metres: a scale calibration, as `thermodepth calibrate` writes it; None: what the model's folder
            keeps, where it keeps one.
        uncalibrated: leave out what the folder keeps.

    Raises:
        WeightsError: when there is no such model, or it reads RGB.
        SettingsError: for a lens that cannot be, or the scale calibration of another model.
        DataError: for a calibration that cannot be read.
    """
    lens = Lens.from_options(
        focal_px=focal_px, fov_deg=fov_deg, intrinsics=intrinsics, calibration=calibration
    )
    return open_network(
        model,
        device=device,
        short_side=short_side,
        lens=lens,
        metres=metres,
        uncalibrated=uncalibrated,
    )


def open_network(
    model: str | Path,
    *,
    device: str = "auto",
    short_side: int | None = None,
    lens: Lens | None = None,
    metres: Path | str | None = None,
    uncalibrated: bool = False,
) -> Predictor:
    """As `load`, with a lens that is known already."""
    folder = resolve_model(str(model))
    return Predictor(
        load_model(folder),
        device=device,
        short_side=short_side,
        lens=lens,
        name=_model_name(model),
        scale_calibration=calibration_of(folder, metres=metres, uncalibrated=uncalibrated),
    )


def _model_name(model: str | Path) -> str:
    """A built-in name as it stands, a folder by its last part."""
    return Path(model).name or str(model)
