"""`thermodepth label`."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Annotated

import typer

from thermodepth.cli.options import Labels, OptionalData, Set, With, load_with
from thermodepth.errors import SettingsError
from thermodepth.threads import set_thread_policy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from thermodepth.data import Dataset
    from thermodepth.teacher import LabelStore
    from thermodepth.training.settings import TrainingSettings

QA_FRAMES = 16  # pictures that a person looks through

Split = Annotated[str | None, typer.Option(help="Which frames are labelled. Default: train.")]
Teacher = Annotated[
    str | None,
    typer.Option(
        help="rgb-small (the default), transformers, onnx, maps or truth; see docs/teachers.md."
    ),
]
TeacherModel = Annotated[
    str | None,
    typer.Option(help="Hub id or folder (transformers), .onnx file (onnx), folder (maps)."),
]
Qa = Annotated[
    Path | None,
    typer.Option(help="Folder for pictures of labels that were moved from an RGB camera apart."),
]
QaFrames = Annotated[int, typer.Option(min=1, help="How many such pictures, evenly spread.")]


def label(
    data: OptionalData = None,
    split: Split = None,
    teacher: Teacher = None,
    teacher_model: TeacherModel = None,
    out: Labels = None,
    qa: Qa = None,
    qa_frames: QaFrames = QA_FRAMES,
    edits: Set = [],
    extensions: With = [],
) -> None:
    """Make a teacher's labels for a data set; what is there already is kept."""
    set_thread_policy()
    load_with(extensions)
    from thermodepth.cli.edits import recipe_settings

    options = {
        "data.source": ("--data", data),
        "data.split": ("--split", split),
        "teacher.kind": ("--teacher", teacher),
        "teacher.model": ("--teacher-model", teacher_model),
    }
    settings = recipe_settings("thermal", options, edits)
    label_data(settings, split=settings.data.split, label_root=out, qa=qa, qa_frames=qa_frames)


def label_data(
    settings: TrainingSettings,
    *,
    split: str,
    label_root: Path | None,
    qa: Path | None = None,
    qa_frames: int = QA_FRAMES,
) -> None:
    """Make what is missing and say where it lies, and which frames were refused.

    Args:
        settings: data and teacher.
        split: which frames.
        label_root: folder of all label stores; None for the user's cache.
        qa: folder for pictures of transferred labels; None for none.
        qa_frames: how many of them, evenly spread over the split.

    Raises:
        SettingsError: for pictures of labels that were never moved, or that cannot be written.
        TeacherError: as `make_labels`.
    """
    from thermodepth.cli.label_agreement import print_agreement
    from thermodepth.cli.terminal import console, counting
    from thermodepth.data import open_dataset
    from thermodepth.training.labels import default_label_root, make_labels

    if qa is not None and qa_frames < 1:
        raise SettingsError(f"--qa-frames {qa_frames}: expected at least 1")
    dataset = open_dataset(settings.data.source)
    if qa is not None:
        _check_qa(settings, dataset, split, qa)
    with counting(f"labels by {settings.teacher.kind}") as tell:
        store = make_labels(
            settings.teacher,
            dataset,
            label_root or default_label_root(),
            split=split,
            progress=tell,
            verify=True,
        )
    frames = dataset.split(split)
    count = len(frames.sample_ids)
    console.print(f"{count} labels ({store.geometry}) in {store.folder}", soft_wrap=True)
    _print_rejected(store, frames.sample_ids)
    print_agreement(store, dataset, split)
    if qa is not None:
        _draw(settings, dataset, split, qa, qa_frames)


def _print_rejected(store: LabelStore, ids: Sequence[str]) -> None:
    """Refused frames by reason, and how much of the others has a label; nothing where no map was moved."""
    from thermodepth.cli.terminal import console

    facts = [frame for frame in map(store.facts, ids) if frame is not None]
    if not facts:
        return
    labelled = [float(frame["labelled"]) for frame in facts if not frame["rejected"]]
    share = f", {fmean(labelled):.0%} of whose pixels have a label" if labelled else ""
    console.print(
        f"moved from the RGB camera's view: {len(labelled)} of {len(facts)} frames{share}",
        soft_wrap=True,
    )
    for reason, frames in store.rejected(ids).most_common():
        console.print(f"  {frames} rejected: {reason}", soft_wrap=True)


def _check_qa(settings: TrainingSettings, dataset: Dataset, split: str, folder: Path) -> None:
    """Before labels are made, which may take hours."""
    from thermodepth.teacher import TEACHERS

    if folder.exists() and not folder.is_dir():
        raise SettingsError(f"--qa {folder}: is a file, expected a folder")
    reads_rgb = TEACHERS[settings.teacher.kind].reads_rgb
    if not reads_rgb or dataset.split(split).read(0).rgb_view is None:
        raise SettingsError(
            f"--qa {folder}: shows how labels were moved from one view into another, and no map is moved "
            f"here: {dataset.spec} has RGB on the thermal pixel grid, or the teacher reads no RGB. "
            "`thermodepth data preview` shows such frames"
        )


def _draw(
    settings: TrainingSettings, dataset: Dataset, split: str, folder: Path, pictures: int
) -> None:
    """Sheets of evenly spread frames, made anew, since a store keeps labels and not what led to them."""
    from thermodepth.cli.contact_sheet import FORMATS, encode
    from thermodepth.cli.terminal import console, counting
    from thermodepth.cli.transfer_sheet import transfer_sheet
    from thermodepth.files import escaped_id, write_bytes
    from thermodepth.teacher import TransferringTeacher
    from thermodepth.training.labels import open_for_frames

    frames = dataset.split(split)
    teacher = open_for_frames(settings.teacher, frames)
    assert isinstance(teacher, TransferringTeacher), "as was checked"
    total = len(frames.sample_ids)
    pictures = min(pictures, total)
    with counting("pictures") as tell:
        for number in range(pictures):
            sample = frames.read(int((number + 0.5) * total / pictures))
            sheet = transfer_sheet(sample, teacher.transfer([sample])[0])
            path = folder / f"{escaped_id(sample.sample_id)}.jpg"
            try:
                write_bytes(path, encode(sheet, FORMATS[".jpg"]))
            except OSError as error:
                reason = error.strerror or error
                raise SettingsError(f"--qa {path}: cannot be written ({reason})") from None
            tell(number + 1, pictures)
    console.print(f"{pictures} pictures in {folder}", soft_wrap=True)
