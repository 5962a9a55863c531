"""`thermodepth label`."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from thermodepth.commands.label_agreement import print_agreement
from thermodepth.commands.terminal import console, counting
from thermodepth.data import Dataset, open_dataset
from thermodepth.errors import SettingsError
from thermodepth.files import escaped_id, write_bytes
from thermodepth.teacher import TEACHERS, LabelStore, TransferringTeacher
from thermodepth.training.labels import default_label_root, make_labels, open_for_frames
from thermodepth.training.settings import TrainingSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

QA_FRAMES = 16  # pictures that a person looks through


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
    facts = [one for one in map(store.facts, ids) if one is not None]
    if not facts:
        return
    kept = [float(one["labelled"]) for one in facts if not one["rejected"]]
    share = f", {fmean(kept):.0%} of whose pixels have a label" if kept else ""
    console.print(
        f"moved from the RGB camera's view: {len(kept)} of {len(facts)} frames{share}",
        soft_wrap=True,
    )
    for reason, frames in store.rejected(ids).most_common():
        console.print(f"  {frames} rejected: {reason}", soft_wrap=True)


def _check_qa(settings: TrainingSettings, dataset: Dataset, split: str, folder: Path) -> None:
    """Before labels are made, which may take hours."""
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
    from thermodepth.commands.label_picture import transfer_sheet
    from thermodepth.commands.preview import FORMATS, encode

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
