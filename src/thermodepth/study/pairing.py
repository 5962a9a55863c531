"""What the cells of one seed have in common: arms are compared seed by seed, on the same start and frames.

Arms may edit the network or the data, and then start from other weights or see other batches. Their
differences stand all the same, over seeds that chance drew; only less of the noise cancels. Everything that
an arm does not edit must be shared, and what is not shared is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from thermodepth.checksums import read_record
from thermodepth.config import difference
from thermodepth.errors import DataError, StudyError
from thermodepth.statistics.questions import is_twin
from thermodepth.study.cell import PREDICTIONS
from thermodepth.study.cell_facts import cell_facts
from thermodepth.study.design import Cell, Study
from thermodepth.study.inputs import arm_settings
from thermodepth.study.paths import StudyFolder
from thermodepth.training.unread import is_under

#: Settings that decide the digests of first weights and of batches.
_DECIDES = {
    "first_weights": ("model",),
    "batches": (
        "steps",
        "data.source",
        "data.split",
        "data.most_frames",
        "data.size",
        "data.batch_size",
    ),
}
#: Settings whose edits part an arm from the others, and how.
_PARTS = {
    "model": "started from other weights",
    "steps": "trained for another number of steps",
    "data": "saw other batches",
    "teacher": "was taught by other labels",
}


def check_pairing(study: Study, cells: Sequence[Cell], folder: StudyFolder) -> None:
    """Arms of a seed that edit neither network nor frames must have started and been fed alike.

    Raises:
        StudyError: naming the cell that parts from the others.
    """
    first: dict[tuple[object, ...], str] = {}
    for cell in cells:
        facts = cell_facts(folder.cell(cell))
        edited = difference(study.settings, arm_settings(study, cell.arm))
        for key, decides in _DECIDES.items():
            own = tuple(
                (path, str(new))
                for path, (_, new) in edited.items()
                if any(is_under(path, section) for section in decides)
            )
            if first.setdefault((key, cell.seed, own), facts[key]) != facts[key]:
                raise StudyError(
                    f"{folder.cell(cell)}: its {key.replace('_', ' ')} differ from those of the other "
                    f"arms of seed {cell.seed}, so they cannot be compared; delete this folder and run again"
                )


def pairing_words(study: Study) -> str:
    """A sentence for a methods section: what all arms of a seed shared, and who did not share what."""
    shared = "All configurations of one seed started from the same weights and saw the same batches"
    exceptions = [
        f"{arm.name} {words} ({', '.join(paths)})"
        for arm in study.arms
        for words, paths in _parted(study, arm.name)
    ]
    return f"{shared}, but {'; '.join(exceptions)}." if exceptions else f"{shared}."


def _parted(study: Study, arm: str) -> Iterator[tuple[str, list[str]]]:
    """Of an arm, in which ways it parts from the reference, and by which settings."""
    reference = arm_settings(study, study.arm(study.reference))
    edited = difference(reference, arm_settings(study, study.arm(arm)))
    for section, words in _PARTS.items():
        paths = [path for path in edited if is_under(path, section)]
        if paths:
            yield words, paths


def alike_words(study: Study, cells: Sequence[Cell], folder: StudyFolder) -> list[str]:
    """A sentence for each arm whose models are those of an arm before it, in every seed that both have.

    What an arm edits may change nothing on these data. Its line of the table would pass for a finding.
    """
    models: dict[str, dict[int, str]] = {}
    for cell in cells:
        try:
            made_by = read_record(folder.cell(cell) / PREDICTIONS / "store.json")["made_by"]
            models.setdefault(cell.arm.name, {})[cell.seed] = str(made_by["model"])
        except (
            DataError,
            KeyError,
            TypeError,
        ):  # whoever reads the predictions says what is damaged
            continue
    sentences = []
    names = [arm.name for arm in study.arms if arm.name in models]
    for place, name in enumerate(names):
        if is_twin(name, study.reference):
            continue
        for other in names[:place]:
            both = models[name].keys() & models[other].keys()
            if both and all(models[name][seed] == models[other][seed] for seed in both):
                sentences.append(
                    f"“{study.arm(name).title}” ended with the very network of “{study.arm(other).title}”: "
                    "what parts them in the settings changed nothing on these data."
                )
                break
    return sentences
