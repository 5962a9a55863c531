"""Frames without truth, looked at while a network trains: does it still get better where it was not taught?

Every so many steps, and before the first one, the averaged weights predict the frames of a folder, each of
which has a reference (`data.reference_frames`), and a line of means goes into `watch.csv`:

    structure_*, depth_*   rank, partial and beyond, as `evaluation.scoring.references` has them
    sky_share              of the pixels, those called sky; of networks that tell
    median_m               of what is not sky

A copy of the network is asked, so no weight, statistic of a norm or random number of the training is touched,
and a run that is watched ends with the weights of one that is not, bit for bit. What is watched is for a
person, who may stop or change a training by it: frames that a claim is measured on are not to be watched.

A failure ends the watching and not the training.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np
import torch

from thermodepth.data.reference_frames import ReferenceFrame, read_reference_frames
from thermodepth.errors import DataError, SettingsError
from thermodepth.evaluation.scoring.references import FrameReference, means_of_others
from thermodepth.inference.predictor import Predictor
from thermodepth.model import DepthNetwork, LoadedModel, ModelRecipe
from thermodepth.teacher.rgb_small import MULTIPLE, RgbSmallTeacher
from thermodepth.thermal import check_compatible
from thermodepth.training.diagnostics.files import Line, LineFile
from thermodepth.training.optimiser import WeightAverage
from thermodepth.training.settings import TrainingSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

FILE = "watch.csv"
SCORES = tuple(
    f"{head}_{score}" for head in ("structure", "depth") for score in ("rank", "partial", "beyond")
)
COLUMNS = ("step", "frames", *SCORES, "sky_share", "median_m")
LONGEST_SIDE = (
    160  # of a reference as it is compared: ranks of more pixels say no more and cost more
)
_OFF = "runtime.watch.source="


class FrameWatch:
    """Looks at frames now and then in one training run; does nothing unless a folder is named."""

    def __init__(
        self,
        settings: TrainingSettings,
        folder: Path,
        *,
        network: DepthNetwork,
        recipe: Callable[[], ModelRecipe],
        first_step: int,
        looks: bool = True,
    ) -> None:
        """
        Args:
            settings: of the run.
            folder: the run's.
            network: on its device, not yet wrapped; it is copied.
            recipe: that the trained model will have.
            first_step: lines of later steps are from a stretch that is run again.
            looks: of several processes that train one network together, the first one looks.

        Raises:
            DataError, SettingsError: as `watched_frames`, and where another file stands in its place.
        """
        self._source = settings.runtime.watch.source
        self._on = bool(self._source) and looks
        if not self._on:
            return
        self._every = settings.runtime.watch.every or settings.runtime.checkpoint_every
        self._steps = settings.steps
        # A run that begins has no lines; one that was stopped before its first checkpoint begins again.
        self._file = LineFile(
            folder / FILE,
            COLUMNS,
            first_step=first_step or -1,
            contents="watched frames",
            without=_OFF,
        )
        trained = recipe()
        self._frames = watched_frames(settings, trained)
        self._references = _references(self._frames)
        self._network = copy.deepcopy(network).eval().requires_grad_(False)
        self._predict = _predictor(self._network, trained, settings.runtime.device)

    def look(self, step: int, average: WeightAverage) -> None:
        """When it is due: after optimiser step number `step`, and before the first one with 0."""
        if not self._on or (step % self._every and step != self._steps):
            return
        try:
            self._network.load_state_dict(average.state)
            self._file.add([self._line(step)])
        except Exception as error:  # whatever it is, the training must not pay for it
            self._on = False
            warnings.warn(
                f"watching {self._source} ended at step {step} ({type(error).__name__}: {error}); the "
                "training goes on without it",
                stacklevel=3,
            )

    def _line(self, step: int) -> Line:
        frame_scores: list[dict[str, float]] = []
        for frame, reference in zip(self._frames, self._references, strict=True):
            structure, depth_m, sky = self._predict(frame)
            scores = reference.scores(structure, depth_m=depth_m, sky=sky)
            if depth_m is not None:
                solid = depth_m if sky is None or sky.all() else depth_m[~sky]
                scores["median_m"] = float(np.median(solid))
            if sky is not None:
                scores["sky_share"] = float(sky.mean())
            frame_scores.append(scores)
        means: list[float | None] = []
        for name in COLUMNS[2:]:
            values = [scores[name] for scores in frame_scores if name in scores]
            means.append(fmean(values) if values else None)
        return (step, len(frame_scores), *means)


#: (structure, metres or None, sky or None) of a frame, `[h w]` each.
_Predict = Callable[
    [ReferenceFrame],
    "tuple[NDArray[np.float32], NDArray[np.float32] | None, NDArray[np.bool_] | None]",
]


def watched_frames(settings: TrainingSettings, recipe: ModelRecipe) -> list[ReferenceFrame]:
    """The frames of the folder that is named.

    Raises:
        DataError: as `read_reference_frames`.
        SettingsError: for frames whose unit a network of this recipe cannot read.
    """
    source = settings.runtime.watch.source
    is_rgb = recipe.modality == "rgb"
    frames = read_reference_frames(Path(source).expanduser(), with_rgb=is_rgb)
    for frame in frames:
        sample = frame.sample
        if is_rgb:
            _check_rgb(frame, source)
            continue
        try:
            check_compatible(recipe.normaliser, sample.thermal_unit, trained_on=recipe.trained_unit)
        except SettingsError as error:
            raise SettingsError(f"runtime.watch.source={source}: {error}") from None
    return frames


def _check_rgb(frame: ReferenceFrame, source: str) -> None:
    rgb, size = frame.sample.rgb, frame.sample.size
    if rgb is None or rgb.dtype != np.uint8 or rgb.shape != (*size, 3):
        raise DataError(
            f"{source}: the RGB picture of {frame.sample.sample_id} is no 8-bit colour picture of "
            f"{size[1]}x{size[0]}, the size of its thermal frame"
        )


def _predictor(network: DepthNetwork, recipe: ModelRecipe, device: str) -> _Predict:
    """How the trained model will be asked: as `predict` does, or as a teacher."""
    if recipe.modality == "rgb":
        return _rgb_predictor(network, recipe)
    loaded = LoadedModel(network=network, recipe=recipe, fingerprint="in training")
    predictor = Predictor(loaded, device=device)

    def predict(
        frame: ReferenceFrame,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_] | None]:
        sample = frame.sample
        (result,) = predictor.predict(
            [sample.thermal], unit=sample.thermal_unit, lens=[sample.focal_px]
        )
        return result.structure, result.depth_m, result.sky

    return predict


def _rgb_predictor(network: DepthNetwork, recipe: ModelRecipe) -> _Predict:
    device = next(network.parameters()).device

    def structure(image: torch.Tensor) -> torch.Tensor:
        any_lens = torch.ones(len(image), device=image.device)  # structure has no metres
        result: torch.Tensor = network(image, any_lens).structure
        return result

    short_side = -(-min(recipe.working_size) // MULTIPLE) * MULTIPLE
    teacher = RgbSmallTeacher(structure, "in training", short_side, device=str(device))
    return lambda frame: (teacher.label([frame.sample])[0], None, None)


def _references(frames: list[ReferenceFrame]) -> list[FrameReference]:
    reduced = [_reduced(frame.reference) for frame in frames]
    priors = means_of_others(reduced)
    return [FrameReference(r, prior=p) for r, p in zip(reduced, priors, strict=True)]


def _reduced(reference: NDArray[np.float64]) -> NDArray[np.float64]:
    import cv2

    share = LONGEST_SIDE / max(reference.shape)
    if share >= 1:
        return reference
    height, width = (max(round(side * share), 1) for side in reference.shape)
    return np.asarray(cv2.resize(reference, (width, height), interpolation=cv2.INTER_AREA))
