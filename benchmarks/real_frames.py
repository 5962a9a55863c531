"""What a model says of real recordings, beside guessers that are blind to them.

    python benchmarks/real_frames.py MODEL [MODEL ...] [--data FOLDER] [--short-side N] [--sets watch mm5 ...]
                                     [--every 3] [--picture OUT.png] [--json OUT.json]

A model is a built-in name, a run folder or a model folder; of several the first is compared with the others.
FOLDER holds the recordings (`recordings/frames.py` says what of each set is read); without it
$THERMODEPTH_RECORDINGS, else `../shared/data` beside the repository. Thermal models predict as users do, by
`thermodepth.load`, with each set's lens. RGB models are scored on the sets that have aligned RGB. The set
`pairs` is scored only when it is named: what a claim is measured on once is nothing to choose settings by.

    rank, partial   Spearman's; the same beyond what the place in the picture tells (`metrics/rank.py`)
    beyond the mean map    partial, with the mean of the other frames' references taken out as well: what
                    any set of streets has in common is more than six terms follow
    scale           median of truth over prediction, geometric mean of frames; factor off: whichever way
    aligned         after the best factor and offset in 1/depth of each frame (`teacher/agreement.py`)
    sky             share of pixels called sky: of those with truth, and where there is none of all
    flicker         median change of a pixel's depth to the next frame, with what the camera's motion does
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from recordings.answers import (
    Model,
    guessers_of_reference,
    guessers_of_truth,
)
from recordings.frames import SETS, Part, RecordedSet
from recordings.program import open_models, parser_of, run
from recordings.scores import Scores, against_reference, against_truth, of_recording
from recordings.sheet import spread, view, write_sheet
from recordings.tables import tables_of
from thermodepth.errors import SettingsError, unknown
from thermodepth.evaluation.scoring.references import FrameReference, means_of_others
from thermodepth.files import write_json

ENVIRONMENT = "THERMODEPTH_RECORDINGS"
BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables of every set."""
    parser = parser_of(__doc__)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get(ENVIRONMENT) or BESIDE))
    parser.add_argument("--sets", nargs="+", metavar="SET", help=", ".join(SETS))
    parser.add_argument("--picture", type=Path)
    run("real_frames", score_sets, parser.parse_args(arguments))


def score_sets(options: argparse.Namespace) -> None:
    """Every set that is asked for and there, one after the other."""
    rows = chosen(options.sets)
    models = open_models(options.models, short_side=options.short_side)
    record: dict[str, object] = {"models": options.models, "short_side": options.short_side}
    parts: dict[str, dict[str, Any]] = {}
    pictures: list[Image.Image] = []
    for row in rows:
        folder = options.data / row.folder
        if reason := why_not(row, folder, models[0]):
            if options.sets:
                raise SettingsError(f"set '{row.name}': {reason}")
            print(f"{row.name}: skipped, {reason}\n")
            continue
        of_set: list[dict[str, Any]] = []
        for part in row.read(folder, options.every):
            scores = scores_of(row, part, models)
            recordings = [frame.recording for frame in part.frames]
            print_tables(part.title, scores, recordings)
            ids = [frame.sample.sample_id for frame in part.frames]
            of_set.append({"frames": ids, "recordings": recordings, "scores": scores})
            parts[part.title] = of_set[-1]
            if options.picture is not None:
                pictures += [view(models[0], frame) for frame in spread(part.frames)]
        if len(of_set) > 1:
            whole = {
                who: [score for part in of_set for score in part["scores"][who]]
                for who in of_set[0]["scores"]
            }
            recordings = [each for part in of_set for each in part["recordings"]]
            print_tables(f"{row.name}, all of the above", whole, recordings)
    if options.json is not None:
        write_json(options.json, {**record, "parts": parts})
    if options.picture is not None and pictures:
        write_sheet(options.picture, pictures)


def print_tables(
    title: str, scores: Mapping[str, Sequence[Scores]], recordings: Sequence[str]
) -> None:
    """As markdown, for a page or a terminal."""
    for table in tables_of(title, scores, recordings):
        print(table.markdown(), flush=True)


def chosen(names: Sequence[str] | None) -> list[RecordedSet]:
    """The sets of these names; of none, all but those that are scored only when named.

    Raises:
        SettingsError: for a name that is no set.
    """
    if not names:
        return [row for row in SETS.values() if not row.only_when_named]
    for name in names:
        if name not in SETS:
            raise SettingsError(f"--sets: {unknown('set', name, SETS)}")
    return [SETS[name] for name in dict.fromkeys(names)]


def why_not(row: RecordedSet, folder: Path, model: Model) -> str:
    """The reason for which a set cannot be scored; else an empty text."""
    if not folder.is_dir():
        return f"{folder} is not there; --data or ${ENVIRONMENT} say where recordings are"
    if model.modality == "rgb" and not row.has_rgb:
        return "it has no RGB picture of the thermal view, which this model reads"
    return ""


def scores_of(row: RecordedSet, part: Part, models: Sequence[Model]) -> dict[str, list[Scores]]:
    """By answerer, models first, the scores of each frame."""
    answerers = {model.name: model.answer for model in models}
    if row.compared_with == "nothing":
        return {
            name: of_recording([answer(frame) for frame in part.frames])
            for name, answer in answerers.items()
        }
    if row.compared_with == "truth":
        answerers |= guessers_of_truth(part)
        return {
            name: [against_truth(answer(frame), frame.truth_m) for frame in part.frames]
            for name, answer in answerers.items()
        }
    answerers |= guessers_of_reference(part)
    inverses = [frame.inverse for frame in part.frames]
    priors = means_of_others(inverses)
    references = [
        FrameReference(inverse, prior=prior)
        for inverse, prior in zip(inverses, priors, strict=True)
    ]
    return {
        name: [
            against_reference(answer(frame), reference)
            for frame, reference in zip(part.frames, references, strict=True)
        ]
        for name, answer in answerers.items()
    }


if __name__ == "__main__":
    main()
