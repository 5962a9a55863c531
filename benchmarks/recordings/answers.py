"""Maps of a frame, by a model or by a guesser that is blind to it.

    constant depth     one value for every pixel
    mean-depth map     the mean of the other frames at each pixel; of references, of their ranks
    row ramp           a straight line of 1/depth over the rows
    nearest frame      what belongs to the frame whose thermal thumbnail is nearest
    ridge on thumbnails    a linear map from thumbnail to depth

Guessers are asked about the same frames as the models. They are fitted to frames of the same set, the even
ones to the odd ones and the odd ones to the even, so no frame is guessed from itself; they know the metres of
the set, which no model was told. Beside a single frame stand the two that need no other, in the scale of its
own truth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

import thermodepth
from recordings.frames import Frame, Part
from thermodepth.evaluation.protocols.named import named_protocol
from thermodepth.evaluation.scoring.baselines import (
    ConstantDepth,
    MeanDepthMap,
    RowRamp,
    fit_baselines,
    unfitted_baselines,
)
from thermodepth.evaluation.scoring.cached_frames import THUMBNAIL, NearestFrame
from thermodepth.evaluation.scoring.references import means_of_others
from thermodepth.inference.predictor import Depth, Predictor
from thermodepth.model import load_model, resolve_model
from thermodepth.teacher import Teacher, TeacherSettings
from thermodepth.training.labels import open_built_in

NEAREST = "nearest frame"  # of a set that nobody was trained on

Map = NDArray[Any]  # [h w]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Maps:
    """What is said of one frame, at its own size."""

    structure: Map  # inverse depth up to factor and offset
    depth_m: Map | None = None  # None: no metres are said
    sky: NDArray[np.bool_] | None = None  # None: sky is not told from anything else


Answerer = Callable[[Frame], Maps]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Model:
    """A model that reads thermal frames or RGB pictures."""

    name: str
    modality: str
    answer: Answerer
    predictor: Predictor | None = None  # of a thermal model


def open_model(model: str, *, short_side: int | None = None) -> Model:
    """A built-in name, a run folder or a model folder.

    Raises:
        WeightsError: where there is none.
        SettingsError, TeacherError: for a size that the network cannot work at.
    """
    folder = resolve_model(model)
    recipe = load_model(folder).recipe
    if recipe.modality == "rgb":
        settings = TeacherSettings(kind="rgb-small", model=str(folder), input_size=short_side)
        teacher = open_built_in(settings)
        return Model(name=model, modality="rgb", answer=lambda frame: _of_rgb(teacher, frame))
    predictor = thermodepth.load(model, short_side=short_side)
    return Model(
        name=model,
        modality="thermal",
        answer=lambda frame: _of_thermal(predictor, frame),
        predictor=predictor,
    )


def depth_of(predictor: Predictor, frame: Frame) -> Depth:
    """What a user gets who says the lens; a model that is not told it is not given it."""
    sample = frame.sample
    knows_lens = predictor.model.recipe.lens is not None and np.isfinite(sample.focal_px)
    return predictor(sample.thermal, focal_px=sample.focal_px if knows_lens else None)


def _of_thermal(predictor: Predictor, frame: Frame) -> Maps:
    result = depth_of(predictor, frame)
    return Maps(structure=result.structure, depth_m=result.depth_m, sky=result.sky)


def _of_rgb(teacher: Teacher, frame: Frame) -> Maps:
    return Maps(structure=teacher.label([frame.sample])[0])


def guessers_of_truth(part: Part) -> dict[str, Answerer]:
    """Guessers for frames with truth, by name."""
    frames = [frame for frame in part.frames if np.isfinite(frame.truth_m).any()]
    if len(frames) < 2:
        return _told_the_scale(part.frames)
    near_m, far_m = part.range_m
    protocol = named_protocol(f"range:{near_m:g}-{far_m:g}")
    halves = (frames[1::2], frames[0::2])  # what the even and what the odd frames are guessed from
    fitted = [fit_baselines((f.sample for f in half), protocol=protocol) for half in halves]
    half_of = {frame.sample.sample_id: place % 2 for place, frame in enumerate(frames)}

    def guesser(arm: str) -> Answerer:
        return lambda frame: _as_maps(
            fitted[half_of.get(frame.sample.sample_id, 0)][arm].predict(frame.sample)
        )

    return {NEAREST if arm == NearestFrame.arm else arm: guesser(arm) for arm in fitted[0]}


def _told_the_scale(frames: Sequence[Frame]) -> dict[str, Answerer]:
    arms = list(unfitted_baselines(frames[0].sample.size))

    def guesser(arm: str) -> Answerer:
        def answer(frame: Frame) -> Maps:
            depth = np.asarray(unfitted_baselines(frame.sample.size)[arm]["depth"].values)
            known = np.isfinite(frame.truth_m)
            return _as_maps(depth * np.median(frame.truth_m[known]) / np.median(depth[known]))

        return answer

    return {f"{arm}, told the frame's median": guesser(arm) for arm in arms}


def _as_maps(depth_m: Map) -> Maps:
    return Maps(structure=1 / depth_m, depth_m=depth_m)


def guessers_of_reference(part: Part) -> dict[str, Answerer]:
    """Guessers for frames with a reference, which has no metres: structure alone, by name."""
    references = [frame.inverse for frame in part.frames]
    place_of = {frame.sample.sample_id: place for place, frame in enumerate(part.frames)}
    means = means_of_others(references)
    guesses: dict[str, Callable[[int], Map]] = {
        ConstantDepth.arm: lambda place: np.zeros(references[place].shape),
        RowRamp.arm: lambda place: _rows(references[place].shape),
    }
    if len(references) > 1:
        thumbnails = np.stack([_thumbnail(frame) for frame in part.frames])
        guesses[MeanDepthMap.arm] = lambda place: np.asarray(means[place])
        guesses[NEAREST] = lambda place: references[nearest_other(thumbnails, place)]

    def guesser(arm: str) -> Answerer:
        return lambda frame: Maps(structure=guesses[arm](place_of[frame.sample.sample_id]))

    return {arm: guesser(arm) for arm in guesses}


def nearest_other(thumbnails: NDArray[np.float64], place: int) -> int:
    """Of `[n k]` thumbnails, which other one is nearest to that of `place`."""
    distance = np.square(thumbnails - thumbnails[place]).sum(axis=1)
    distance[place] = np.inf
    return int(distance.argmin())


def _rows(shape: tuple[int, ...]) -> Map:
    return np.repeat(np.arange(float(shape[0]))[:, None], shape[1], axis=1)


def _thumbnail(frame: Frame) -> NDArray[np.float64]:
    """[768] of zero mean and unit spread: cameras after gain control differ in both."""
    picture = frame.sample.thermal.astype(np.float32)
    small = cv2.resize(picture, THUMBNAIL[::-1], interpolation=cv2.INTER_AREA).astype(np.float64)
    small -= small.mean()
    return np.ravel(small / max(float(small.std()), 1e-9))
