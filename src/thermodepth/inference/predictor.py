"""One thermal frame in, metric depth and structure out. RGB is never asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F

from thermodepth.data.transform import resize_image
from thermodepth.errors import DataError, SettingsError, WeightsError
from thermodepth.inference.bounds import MAX_NETWORK_PIXELS, check_frame_size, check_maps
from thermodepth.model import LoadedModel, load_model, resolve_model
from thermodepth.thermal import (
    NormaliserState,
    check_compatible,
    normalise,
    read_thermal,
    refuse_telemetry,
    thermal_unit,
)
from thermodepth.types import Geometry, Sample, ThermalUnit

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEFAULT_MODEL = "thermal-small"
MIN_SIDE, MAX_SIDE = 32, 4096  # of what the network sees, the shorter side


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """What a model says of one frame, at the frame's own size."""

    depth_m: NDArray[np.float32]  # [h w] metres along the optical axis
    structure: NDArray[np.float32]  # [h w] inverse depth up to factor and offset: larger is nearer

    #: What `structure` means; `depth_m` is Geometry.METRIC_DEPTH.
    structure_geometry = Geometry.AFFINE_INVERSE


class Predictor:
    """A loaded model with its own input recipe."""

    def __init__(
        self, model: LoadedModel, *, device: str = "auto", short_side: int | None = None
    ) -> None:
        """
        Args:
            model: from `load_model`.
            device: auto, cpu or cuda.
            short_side: pixels of the shorter side that the network sees; None takes what it was
                trained at. Metric scale is only as good as this is close to the training's.

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
        self._network = model.network.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._short_side = short_side or min(model.recipe.working_size)

    def __call__(self, thermal: NDArray[Any] | Path | str) -> Depth:
        """Depth of one thermal frame.

        Args:
            thermal: `[h w]` uint8 (after gain control), uint16 (counts) or float (kelvin), or the
                path of a file that `read_thermal` reads.

        Raises:
            DataError: for a file or array that is not one thermal frame, or has rows of telemetry.
            WeightsError: for a model whose maps are no numbers.
        """
        if isinstance(thermal, (str, Path)):
            raw, unit = read_thermal(Path(thermal))
        else:
            raw = np.asarray(thermal)
            unit = thermal_unit(raw, "thermal")
            refuse_telemetry(raw, "thermal")
        return self.predict([raw], unit=unit)[0]

    def predict(
        self,
        frames: Sequence[NDArray[Any]],
        *,
        unit: ThermalUnit,
        state: NormaliserState | None = None,
    ) -> list[Depth]:
        """Depth of several raw frames `[h w]` of one size, in one pass of the network.

        Args:
            frames: in the order of time, where they are a video.
            unit: of all of them.
            state: one for each video, for recipes that remember earlier frames; None for stills.

        Raises:
            DataError: for frames of different sizes, a strip, or more pixels than `bounds` allows.
            SettingsError: for a unit that the model's normaliser cannot read.
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
        # As in training: the raw frame is resized, then normalised.
        inputs = [
            normalise(resize_image(_resizable(frame), inner), unit, recipe.normaliser, state)
            for frame in frames
        ]
        at_once = max(MAX_NETWORK_PIXELS // (inner[0] * inner[1]), 1)
        parts = [inputs[i : i + at_once] for i in range(0, len(inputs), at_once)]
        return [one for part in parts for one in self._run(np.stack(part)[:, None], size)]

    def maps_of(
        self, samples: Sequence[Sample]
    ) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """(depth_m, structure) of samples of one size, as the evaluation asks for them.

        Of a sample it sees the thermal frame and nothing else.
        """
        results = self.predict([s.thermal for s in samples], unit=samples[0].thermal_unit)
        return [(result.depth_m, result.structure) for result in results]

    @torch.inference_mode()
    def _run(self, image: NDArray[np.float32], size: tuple[int, int]) -> list[Depth]:
        """The network on prepared input `[b c h w]`, its maps brought to `size`."""
        x = torch.from_numpy(image).to(self._device)
        prediction = self._network(x.contiguous(memory_format=torch.channels_last))
        # Metric depth is enlarged as a logarithm: half way between 2 m and 8 m is 4 m.
        maps = torch.stack([prediction.log_depth, prediction.structure], dim=1)
        if tuple(maps.shape[-2:]) != size:
            maps = F.interpolate(maps, size=size, mode="bilinear", align_corners=False)
        depth_m = maps[:, 0].exp().float().cpu().numpy()
        structure = maps[:, 1].float().cpu().numpy()
        check_maps(depth_m, structure, self.model.fingerprint)
        return [Depth(depth_m=d, structure=s) for d, s in zip(depth_m, structure, strict=True)]

    def network_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """(rows, columns) the network sees of a frame: the aspect is kept."""
        scale = self._short_side / min(size)
        return max(round(size[0] * scale), 32), max(round(size[1] * scale), 32)


def _resizable(frame: NDArray[Any]) -> NDArray[Any]:
    """Counts come as any integer, kelvin as any float, in either byte order; resizing knows these three."""
    if frame.dtype.kind == "f":
        return frame.astype(np.float32)
    return frame.astype(np.uint8 if frame.dtype == np.uint8 else np.uint16)


def load(
    model: str | Path = DEFAULT_MODEL, *, device: str = "auto", short_side: int | None = None
) -> Predictor:
    """A predictor from a built-in name, a run folder or a model folder.

    Raises:
        WeightsError: when there is no such model, or it reads RGB.
    """
    return Predictor(load_model(resolve_model(str(model))), device=device, short_side=short_side)
