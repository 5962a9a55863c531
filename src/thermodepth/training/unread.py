"""Which settings nothing reads, given the others: to change one changes nothing, and a study must know.

What follows from settings alone stands here; what also depends on the data (is any map moved? are frames
in counts?) is `unread_with`.
"""

from __future__ import annotations

from collections.abc import Iterator

from thermodepth.config import flatten
from thermodepth.data.frames import Dataset
from thermodepth.data.loader import DataSettings, scaled_size
from thermodepth.data.thermal_augmentation import PARTS
from thermodepth.data.truth import conditions_of
from thermodepth.losses import LOSSES, LossesSettings
from thermodepth.losses.registry import LossRow
from thermodepth.losses.term import TermSettings
from thermodepth.model import has_batch_norms
from thermodepth.model.auto_backbone import is_auto
from thermodepth.teacher import TEACHERS, Teacher, TransferringTeacher
from thermodepth.thermal import NORMALISERS
from thermodepth.training.settings import TrainingSettings
from thermodepth.types import Geometry, ThermalUnit

#: Fields of a teacher that every kind reads, or that `unread_with` judges.
_OF_EVERY_TEACHER = ("kind", "transfer", "runtime")


def unread(settings: TrainingSettings) -> dict[str, str]:
    """`{dotted path: reason}` of settings, or whole sections, without effect on weights and scores.

    The reasons complete "PATH has no effect".
    """
    return {
        **{f"data.{path}": reason for path, reason in _of_data(settings.data)},
        **dict(_of_model(settings)),
        **dict(_of_teacher(settings)),
        **dict(_of_optimiser(settings)),
        **{f"losses.{path}": reason for path, reason in _of_losses(settings.losses)},
    }


def unread_with(settings: TrainingSettings, dataset: Dataset, teacher: Teacher) -> dict[str, str]:
    """What in addition has no effect on these frames with this teacher; as `unread`.

    Args:
        settings: of the run.
        dataset: that it trains on.
        teacher: as it was opened for its frames.

    Raises:
        DataError: when the first frame cannot be read.
    """
    idle = {}
    if not isinstance(teacher, TransferringTeacher):
        idle["teacher.transfer"] = ": no map is moved, for RGB has no view of its own"
    elif teacher.teacher.geometry is not Geometry.METRIC_DEPTH:
        idle["teacher.transfer.refit_metric"] = ": the teacher's maps are not in metres"
    split = dataset.split(settings.data.split)
    first, count = split.read(0, with_rgb=False), len(split.sample_ids)
    if (settings.data.most_frames or 0) >= count:
        idle["data.most_frames"] = f": the split '{settings.data.split}' has {count} frames"
    truth = settings.data.truth
    if (truth.frames or 0) >= count:
        idle["data.truth.frames"] = f": the split '{settings.data.split}' has {count} frames"
    if truth.conditions and all(map(truth.includes, conditions_of(split))):
        idle["data.truth.conditions"] = f": all frames of '{settings.data.split}' are of them"
    size = settings.data.size
    if size is not None and size[0] * first.size[1] == size[1] * first.size[0]:
        idle["data.augmentation.aspect"] = ": frames have the shape of data.size"
    if first.thermal_unit is not ThermalUnit.COUNTS:
        idle["data.normaliser.planck"] = f": frames are in {first.thermal_unit}"
    return idle


def is_under(path: str, section: str) -> bool:
    """Whether a dotted path is this section or lies in it."""
    return path == section or path.startswith(f"{section}.")


def _of_data(data: DataSettings) -> Iterator[tuple[str, str]]:
    if data.modality == "rgb":
        reason = ": data.modality is rgb"
        yield "normaliser", reason
        yield from ((f"augmentation.{name}", reason) for name in ("gain", "offset", "thermal"))
        return
    for name in ("colour", "rgb"):
        yield f"augmentation.{name}", ": data.modality is thermal"
    sizes = data.augmentation
    if data.size is not None and sizes.size_most == 1.0:
        ends = {scaled_size(data.size, share) for share in (sizes.size_least, 1.0)}
        if ends == {data.size}:
            yield (
                "augmentation.size_least",
                ": no smaller size is a multiple of the network's stride",
            )
    recipe = NORMALISERS[data.normaliser.name]
    for part in () if recipe.keeps_level else ("gain", "offset"):
        yield f"augmentation.{part}", f": the '{data.normaliser.name}' normaliser undoes it"
    for path in flatten(data.augmentation.thermal.tree()):
        part = next(part for part in PARTS if path.startswith(f"{part}_"))
        chance = f"{part}_probability"
        if path != chance and getattr(data.augmentation.thermal, chance) == 0:
            yield f"augmentation.thermal.{path}", f" while {chance} is 0"
    for name in type(data.normaliser).model_fields:
        if name == "memory":
            yield "normaliser.memory", ": training and scoring take every frame as a still"
        elif name not in ("version", "name") and name not in recipe.reads:
            yield f"normaliser.{name}", f" on the '{data.normaliser.name}' normaliser"
    if "clahe_tiles" in recipe.reads and data.normaliser.clahe_clip == 0:
        yield "normaliser.clahe_tiles", " while clahe_clip is 0"


def _of_model(settings: TrainingSettings) -> Iterator[tuple[str, str]]:
    if not is_auto(settings.model.encoder):
        yield (
            "model.encoder_config",
            f": the architecture of model.encoder={settings.model.encoder} is in the table",
        )


def _of_teacher(settings: TrainingSettings) -> Iterator[tuple[str, str]]:
    if not any(_reads(row, term, "label") for row, term in _learning(settings.losses)):
        yield "teacher", ": no loss term that is on reads a label"
    if not any(_reads(row, term, "depth") for row, term in _learning(settings.losses)):
        for name in ("min_truth_m", "max_truth_m", "truth"):
            yield f"data.{name}", ": no loss term that is on reads the truth"
    row = TEACHERS[settings.teacher.kind]
    for name in type(settings.teacher).model_fields:
        if name not in row.reads and name not in _OF_EVERY_TEACHER:
            yield f"teacher.{name}", f" on the teacher '{row.name}'"


def _of_optimiser(settings: TrainingSettings) -> Iterator[tuple[str, str]]:
    if not has_batch_norms(settings.model):
        yield "optimiser.hold_statistics", ": the network has no batch norms"


def _learning(losses: LossesSettings) -> Iterator[tuple[LossRow, TermSettings]]:
    for name in losses.switched_on():
        if losses.term(name).start < 1.0:
            yield LOSSES[name], losses.term(name)


def _reads(row: LossRow, term: TermSettings, kind: str) -> bool:
    return kind in (row.mask, term.also_reads())


def _of_losses(losses: LossesSettings) -> Iterator[tuple[str, str]]:
    could_learn = set()
    for name, row in LOSSES.items():
        term = losses.term(name)
        fields = list(type(term).model_fields)
        if term.weight > 0 and term.start < 1.0:
            could_learn.add(row.group)
        if not losses.groups.on(row.group):
            yield name, f" while losses.groups.{row.group} is off"
        elif term.weight == 0:
            reason = f" while losses.{name}.weight is 0"
            yield from ((f"{name}.{field}", reason) for field in fields if field != "weight")
        elif term.start == 1.0:
            reason = f" while losses.{name}.start is 1.0, the end of training"
            yield from ((f"{name}.{field}", reason) for field in fields if field != "start")
        else:
            yield from ((f"{name}.{field}", reason) for field, reason in term.unread().items())
    for group in type(losses.groups).model_fields:
        if group not in could_learn:
            yield f"groups.{group}", ": no term of the group has a weight"
