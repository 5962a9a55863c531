"""A model as one torch program, for frames of one size: what `torch.export` writes and C++ runs.

Resizing, input recipe and lens stand around the network as plain tensor operations, in the arithmetic in
which `frame`, `recipe` and `maps` write them into ONNX graphs. Sizes are numbers here: torch takes minutes to
find a program that holds for all of them. The file is of torch's own kind and keeps example inputs as a
pickle, so such files are written here, and none is opened.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from thermodepth.errors import SettingsError
from thermodepth.export.recipe import check_recipe
from thermodepth.inference.working_size import network_size
from thermodepth.runtime.facts import DEPTH, ERROR, FOCAL, FRAME, SKY, STRUCTURE, GraphFacts
from thermodepth.thermal import MIN_SPAN
from thermodepth.thermal.normalisers import FULL_SCALE_14_BIT
from thermodepth.types import ThermalUnit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from thermodepth.model import LoadedModel


class FrameProgram(nn.Module):
    """A network between raw frames and their maps."""

    by_rows: Tensor  # `[inner outer]` weights
    by_columns: Tensor
    knots: Tensor  # `[knots 1 1]` of the calibration of the error, where there is one
    bends: Tensor  # `[levels knots 1 1]`
    starts: Tensor  # `[levels 1 1 1]`

    def __init__(self, model: LoadedModel, facts: GraphFacts) -> None:
        super().__init__()
        assert facts.size is not None
        check_recipe(facts.model.normaliser, facts.unit, few_operators=False)
        self.network = model.network
        self.recipe = model.recipe
        self.facts = facts
        self.size = facts.size
        self.inner = network_size(facts.size, facts.short_side)
        for axis, name in enumerate(("by_rows", "by_columns")):
            weights = resizing_weights(self.size, self.inner, axis)
            self.register_buffer(name, torch.from_numpy(weights))
        calibration = model.recipe.error_calibration
        if calibration is not None:
            knots, values = np.log(calibration.knots_m), np.log(calibration.factors)
            bends = np.diff(np.diff(values) / np.diff(knots), prepend=0, append=0)
            for name, numbers in (("knots", knots), ("bends", bends), ("starts", values[:, :1])):
                numbers = numbers.reshape(*numbers.shape, 1, 1).astype(np.float32)
                self.register_buffer(name, torch.from_numpy(numbers))

    def forward(self, thermal: Tensor, focal_px: Tensor | None = None) -> dict[str, Tensor]:
        """`[b 1 h w]` raw and `[b]` focal lengths in pixels of the frames (0: not known) -> maps by name."""
        image = self._normalised(self._resized(thermal))
        assumed = self._assumed_focal()
        focal = None
        if assumed is not None:
            assert focal_px is not None
            zoom = math.sqrt(self.inner[0] / self.size[0] * self.inner[1] / self.size[1])
            focal = torch.where(focal_px > 0, focal_px, torch.full_like(focal_px, assumed)) * zoom
        prediction = self.network(image, focal)
        log_depth = self._at_frame(prediction.log_depth[:, None])
        maps = {
            DEPTH: log_depth.exp()[:, 0],
            STRUCTURE: self._at_frame(prediction.structure[:, None])[:, 0],
        }
        if self.recipe.error_calibration is not None and prediction.log_error is not None:
            maps[ERROR] = self._relative_error(self._at_frame(prediction.log_error), log_depth)
        if prediction.sky_logit is not None:
            maps[SKY] = torch.sigmoid(self._at_frame(prediction.sky_logit[:, None]))[:, 0]
        return maps

    def _assumed_focal(self) -> float | None:
        view_deg = self.facts.model.view_deg
        if view_deg is None:
            return None
        return max(self.size) / 2 / math.tan(math.radians(view_deg) / 2)

    def _resized(self, frame: Tensor) -> Tensor:
        if self.inner == self.size:
            return frame
        resized: Tensor = self.by_rows @ frame @ self.by_columns.T
        enlarges = any(large > small for large, small in zip(self.inner, self.size, strict=True))
        unit = self.facts.unit
        if unit is ThermalUnit.KELVIN or (unit is ThermalUnit.DISPLAY and enlarges):
            return resized
        if all(2 * inner == outer for inner, outer in zip(self.inner, self.size, strict=True)):
            return (resized + 0.5).floor()
        return resized.round()

    def _normalised(self, raw: Tensor) -> Tensor:
        settings, unit = self.facts.model.normaliser, self.facts.unit
        match settings.name:
            case "percentile":
                ordered = raw.flatten(1).sort(dim=1).values
                last = ordered.shape[1] - 1
                low, high = (
                    ordered[:, round(last * percent / 100)][:, None, None, None]
                    for percent in (settings.low_percentile, settings.high_percentile)
                )
                return _stretched(raw, low, high, MIN_SPAN[unit])
            case "min_max":
                low, high = raw.amin((1, 2, 3), keepdim=True), raw.amax((1, 2, 3), keepdim=True)
                return _stretched(raw, low, high, MIN_SPAN[unit])
            case "fixed_range":
                return _window(raw, settings.range_low, settings.range_high)
            case "raw_14bit":
                return _window(raw, 0.0, FULL_SCALE_14_BIT)
        kelvin = raw
        if unit is ThermalUnit.COUNTS:
            assert settings.planck is not None, "a recipe for counts has the constants"
            constants = settings.planck
            signal = raw + constants.o
            logarithm = (constants.r1 / (constants.r2 * signal.clamp(min=1e-6)) + constants.f).log()
            is_warm = (signal > 0) & (logarithm > 0)
            kelvin = torch.where(is_warm, constants.b / logarithm, torch.zeros_like(raw))
        return _window(kelvin, settings.window_low_k, settings.window_high_k)

    def _at_frame(self, maps: Tensor) -> Tensor:
        if self.inner == self.size:
            return maps
        return F.interpolate(maps, size=self.size, mode="bilinear", align_corners=False)

    def _relative_error(self, logs: Tensor, log_depth: Tensor) -> Tensor:
        near, far = self.facts.model.depth_range_m
        ramps = (log_depth - self.knots).relu()
        low, high = (
            start + (ramps * bend).sum(1, keepdim=True)
            for start, bend in zip(self.starts, self.bends, strict=True)
        )
        calibrated_low = logs[:, :1] + low
        calibrated_high = logs.amax(1, keepdim=True) + high
        both = torch.cat([calibrated_low, torch.maximum(calibrated_low, calibrated_high)], dim=1)
        return both.clamp(max=math.log(math.log(far / near))).exp().expm1()


class ProgramSession:
    """A program in memory as a session, for comparing it."""

    device_text = "torch program, cpu"

    def __init__(self, program: torch.export.ExportedProgram, facts: GraphFacts) -> None:
        self.facts = facts
        self._call = program.module()

    def run(self, feeds: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
        """The outputs by their names."""
        inputs = [torch.from_numpy(feeds[name]) for name in (FRAME, FOCAL) if name in feeds]
        with torch.inference_mode():
            return {name: value.numpy() for name, value in self._call(*inputs).items()}


def torch_program(model: LoadedModel, facts: GraphFacts) -> torch.export.ExportedProgram:
    """The program of frames of `facts.size`, of any number at once where `facts.batch` is None.

    Raises:
        SettingsError: without a size, or for a normaliser that cannot be written.
    """
    if facts.size is None:
        raise SettingsError("a torch program is of one size: give that of the frames")
    program = FrameProgram(model, facts).eval()
    count = facts.batch or 2
    inputs = [torch.full((count, 1, *facts.size), 0.5).cumsum(-1)]
    batch = None if facts.batch is not None else torch.export.Dim("batch", min=1, max=4096)
    sides: list[dict[int, Any] | None] = [None if batch is None else {0: batch}]
    if facts.model.view_deg is not None:
        inputs.append(torch.zeros(count))
        sides *= 2
    return torch.export.export(program, tuple(inputs), dynamic_shapes=tuple(sides))


def resizing_weights(
    size: tuple[int, int], inner: tuple[int, int], axis: int
) -> NDArray[np.float32]:
    """`[inner outer]` weights of the pixels of one axis; how they come about is told in `frame`."""
    outer_side, inner_side = size[axis], inner[axis]
    places = np.arange(inner_side, dtype=np.int64)[:, None]
    pixels = np.arange(outer_side, dtype=np.int64)[None]
    if all(small <= large for small, large in zip(inner, size, strict=True)):
        ends = np.minimum((places + 1) * outer_side, (pixels + 1) * inner_side)
        parts, whole = ends - np.maximum(places * outer_side, pixels * inner_side), outer_side
    else:
        step = 2 * inner_side
        middle = (2 * places + 1) * outer_side - inner_side
        middle = middle.clip(0, step * (outer_side - 1))
        parts, whole = step - np.abs(middle - pixels * step), step
    return parts.clip(0).astype(np.float32) / np.float32(whole)


def _stretched(raw: Tensor, low: Tensor, high: Tensor, min_span: float) -> Tensor:
    span = (high - low).clamp(min=min_span)
    return ((raw - (high + low) / 2) * (1 / span) + 0.5).clamp(0, 1)


def _window(raw: Tensor, low: float, high: float) -> Tensor:
    return ((raw - (high + low) / 2) * (1 / (high - low)) + 0.5).clamp(0, 1)
