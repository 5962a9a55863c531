"""What a model says of rendered frames of many cameras, by kind of site, beside guessers.

    python benchmarks/rendered_cameras.py MODEL [MODEL ...] --data SET [--split test] [--every N]
                                          [--short-side N] [--json OUT.json]

SET is a rendering (`thermodepth data render --cameras many`), a folder or a zip file, or `synthetic` for the
shipped pack. An RGB model gives structure alone. Of several models the first is compared with the others.
Every metric is evaluation's own, under the protocol of rendered frames; guessers are fitted to the training
split. What evaluation has no metric of:

    share of a step         of the true step of ln depth over four pixels (`recordings/steps.py`); structure
                            after the best factor and offset in 1/depth of each frame
    sky nearer than 30 m    of the true sky's pixels, those that are not called sky and are predicted so near
    solid called sky        of all other pixels
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

import numpy as np

from recordings.answers import Maps, Model
from recordings.frames import Frame
from recordings.program import open_models, parser_of, run
from recordings.scores import Scores
from recordings.steps import step_share
from recordings.tables import table_by_kind, tables_of
from thermodepth.commands.evaluate_subjects import fitted_baselines
from thermodepth.data import open_dataset
from thermodepth.evaluation.head_maps import GeometryMap, HeadMaps, two_head_maps
from thermodepth.evaluation.protocols.named import named_protocol
from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.evaluation.rows.rows import WHOLE_FRAME
from thermodepth.evaluation.scoring.baselines import baseline_head_maps
from thermodepth.evaluation.scoring.frame_truth import FrameTruth
from thermodepth.evaluation.scoring.score import metres_of, score_frame
from thermodepth.files import write_json
from thermodepth.types import Geometry, Sample

SKY_M = 30.0  # a cloud that is nearer is an obstacle
#: (head, alignment, metric of evaluation) -> column of the tables.
COLUMN_OF = {
    ("depth", "none", "abs_rel"): "abs_rel",
    ("depth", "none", "delta_1"): "delta_1",
    ("depth", "none", "scale"): "scale",
    ("depth", "none", "partial_correlation"): "depth_partial",
    ("depth", "none", "boundary_f1"): "boundary_f1",
    ("depth", "none", "edge_sharpness"): "edge_sharpness",
    ("structure", "affine_inverse", "abs_rel"): "aligned_abs_rel",
    ("structure", "affine_inverse", "partial_correlation"): "structure_partial",
    ("structure", "affine_inverse", "boundary_f1"): "structure_boundary_f1",
    ("structure", "affine_inverse", "edge_sharpness"): "structure_edge_sharpness",
}
METRICS = tuple(dict.fromkeys(metric for _, _, metric in COLUMN_OF))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = parser_of(__doc__)
    parser.add_argument("--data", required=True, metavar="SET")
    parser.add_argument("--split", default="test")
    run("rendered_cameras", score_set, parser.parse_args(arguments))


def score_set(options: argparse.Namespace) -> None:
    """Every frame of the split, or every so many-th of them."""
    models = open_models(options.models, short_side=options.short_side)
    is_rgb = models[0].modality == "rgb"
    spec = (
        options.data
        if options.data.partition(":")[0] == "synthetic"
        else f"synthetic:{options.data}"
    )
    dataset = open_dataset(spec)
    protocol = named_protocol(dataset.protocol)
    baselines = fitted_baselines(dataset, protocol)
    frames = dataset.split(options.split)
    scores: dict[str, list[Scores]] = {name: [] for name in [*options.models, *baselines]}
    ids, kinds, scenes = [], [], []
    for place in range(0, len(frames.sample_ids), options.every):
        sample = frames.read(place, with_rgb=is_rgb)
        maps = {model.name: model.answer(Frame(sample=sample)) for model in models}
        answers = answers_of(maps, models, sample) | baseline_head_maps(baselines, sample)
        of_frame = frame_scores(answers, maps, sample, protocol, frame=place)
        if of_frame is None:
            print(f"{sample.sample_id}: too little truth inside the range, left out")
            continue
        for who, each in of_frame.items():
            scores[who].append(each)
        ids.append(sample.sample_id)
        kinds.append(sample.condition.partition("-")[0])
        scenes.append(sample.sequence)
    title = f"{dataset.name}, {options.split}"
    for table in tables_of(title, scores, scenes):
        print(table.markdown(), flush=True)
    print(table_by_kind(f"{title}, by kind of site", scores, kinds).markdown())
    if options.json is not None:
        record = {"models": options.models, "data": dataset.fingerprint(), "split": options.split}
        write_json(options.json, {**record, "frames": ids, "kinds": kinds, "scores": scores})


def answers_of(
    maps: Mapping[str, Maps], models: Sequence[Model], sample: Sample
) -> dict[str, HeadMaps]:
    """What the models say, as evaluation takes it."""
    answers: dict[str, HeadMaps] = {}
    for model in models:
        each = maps[model.name]
        if model.predictor is None or each.depth_m is None:  # an RGB model gives structure alone
            claim = GeometryMap(values=each.structure, geometry=Geometry.AFFINE_INVERSE)
            answers[model.name] = {"structure": claim}
            continue
        made_at = model.predictor.network_size(sample.size)
        answers[model.name] = two_head_maps(each.depth_m, each.structure, made_at=made_at)
    return answers


def frame_scores(
    answers: Mapping[str, HeadMaps],
    maps: Mapping[str, Maps],
    sample: Sample,
    protocol: Protocol,
    *,
    frame: int,
) -> dict[str, Scores] | None:
    """By answerer, the scores of one frame; None for a frame with too little truth."""
    scored = score_frame(
        answers, sample, protocol, frame=frame, study="benchmark", seed=0, metrics=METRICS
    )
    truth = FrameTruth.from_sample(sample, frame=frame, protocol=protocol)
    if scored is None or truth is None:
        return None
    scores: dict[str, Scores] = {arm: {} for arm in answers}
    for row in scored.rows:
        column = COLUMN_OF.get((row["head"], row["alignment"], row["metric"]))
        if column is not None and row["slice"] == WHOLE_FRAME:
            scores[row["arm"]][column] = row["value"]
    for arm, answer in answers.items():
        scores[arm] |= steps_of(answer, truth)
    for who, each in maps.items():
        scores[who] |= sky_scores(each, sample.sky)
    return scores


def steps_of(answer: HeadMaps, truth: FrameTruth) -> Scores:
    """The share of a step that each head draws; absent where there are too few edges."""

    def share(claim: GeometryMap, alignment: str) -> float:
        metres = metres_of(claim, truth, alignment)
        return step_share(np.log(metres), truth.map.log_depth)

    shares = {}
    if "depth" in answer:
        shares["step_share"] = share(answer["depth"], "none")
    if "structure" in answer:
        shares["structure_step_share"] = share(answer["structure"], "affine_inverse")
    return {name: value for name, value in shares.items() if np.isfinite(value)}


def sky_scores(maps: Maps, sky: np.ndarray | None) -> Scores:
    """How much of the sky is an obstacle, and how much of anything else is sky.

    Args:
        maps: of a model; one that tells no sky calls nothing so.
        sky: `[h w]` True where nothing but sky is seen; None: not known.
    """
    if sky is None:
        return {}
    called = np.zeros(sky.shape, np.bool_) if maps.sky is None else maps.sky
    scores = {}
    if sky.any() and maps.depth_m is not None:
        scores["sky_below_30"] = float((~called & (maps.depth_m < SKY_M))[sky].mean())
    if maps.sky is not None and not sky.all():
        scores["solid_as_sky"] = float(called[~sky].mean())
    return scores


if __name__ == "__main__":
    main()
