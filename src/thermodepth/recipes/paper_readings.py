"""The paper's five configurations under several readings of its loss, in one study.

The paper names its terms and gives neither formulas nor weights. Each reading here is one way to write them;
which of them, if any, behaves like the published table is what the study finds (`statistics.paper_patterns`).

    thermodepth study run paper-readings --seeds 3
    thermodepth study run paper-readings --seeds 3 --set losses.gradient_consistency.weight=0.3

The first reading is the run's own settings; every other edits their forms, so `--set` moves the weights of
all. An arm that comes out alike in two readings (without the coupling its form says nothing) is trained once
and plays in both.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from thermodepth.config import Edits
from thermodepth.errors import SettingsError, unknown
from thermodepth.recipes.paper import ARMS
from thermodepth.statistics.default_questions import NO_DESIGN
from thermodepth.statistics.paper_readings import PaperReading
from thermodepth.study.design import Arm, Study
from thermodepth.training.settings import TrainingSettings
from thermodepth.training.unread import is_under, unread

_COUPLING = "losses.gradient_consistency"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingEdits:
    """A reading by what it edits in the settings of the run."""

    title: str  # short, for tables; empty: the form of the run's own coupling
    edits: Edits = field(default_factory=dict)


#: By name; the terms' own modules have the formulas of the forms, and where each pulls.
READINGS: Mapping[str, ReadingEdits] = {
    "own": ReadingEdits(title=""),
    "aligned-metres": ReadingEdits(
        title="aligned metres", edits={f"{_COUPLING}.form": "aligned_metres"}
    ),
    # Whole: with its trim an error of the few far pixels costs next to nothing.
    "value": ReadingEdits(
        title="value", edits={f"{_COUPLING}.form": "value", f"{_COUPLING}.trim": 0.0}
    ),
    "plain-relative": ReadingEdits(
        title="plain relative error", edits={"losses.metric_relative.form": "relative"}
    ),
    "log-relative": ReadingEdits(
        title="log relative error", edits={"losses.metric_relative.form": "log"}
    ),
    "aligned-log": ReadingEdits(title="aligned log", edits={f"{_COUPLING}.form": "aligned_log"}),
    "mean-normalised": ReadingEdits(
        title="mean-normalised", edits={f"{_COUPLING}.form": "mean_normalised"}
    ),
    "second-order": ReadingEdits(
        title="second-order smoothness",
        edits={"losses.structure_smooth.order": 2, "losses.guided_smooth.order": 2},
    ),
    "direction": ReadingEdits(title="direction", edits={f"{_COUPLING}.form": "direction"}),
    "normals": ReadingEdits(title="normals", edits={f"{_COUPLING}.form": "normals"}),
}
#: Those of the study as it is named: the run's own coupling, one by gradients that can hold scale, one by
#: values, and both relative errors, of which one is the run's own: 16 arms. The others pull as one of these
#: does, or nearly, and are for `paper_readings(..., names=...)`.
USUAL = ("own", "aligned-metres", "value", "plain-relative", "log-relative")


def paper_readings(
    settings: TrainingSettings, *, seeds: int, names: Sequence[str] = USUAL
) -> Study:
    """The five configurations under each reading, seeds 0, 1, ...

    Args:
        settings: of the first reading, and what the others edit.
        seeds: how many.
        names: of `READINGS`; the first one's arms are the study's reference.

    Raises:
        SettingsError: for a name that is not there, or the same twice.
    """
    for name in names:
        if name not in READINGS:
            raise SettingsError(unknown("reading", name, READINGS))
    if not names or len(set(names)) < len(names):
        raise SettingsError(f"readings {', '.join(names) or 'none'}: expected distinct names")
    arms: list[Arm] = []
    known: list[TrainingSettings] = []  # of each arm
    readings: list[PaperReading] = []
    for name in names:
        title = READINGS[name].title or _own_title(settings)
        players = {}
        for role, arm, resolved in _played(settings, name, title, first=not readings):
            if resolved not in known:
                arms.append(arm)
                known.append(resolved)
            players[role] = arms[known.index(resolved)].name
        if any(other.arms == players for other in readings):
            continue  # the run's own settings are this reading already
        readings.append(PaperReading(name=name, title=title, arms=players))
    return Study(
        name="paper-readings",
        title="Which reading of the paper's loss behaves like its table?",
        settings=settings,
        arms=tuple(arms),
        reference=arms[0].name,
        seeds=tuple(range(seeds)),
        design=NO_DESIGN,
        doses=(),
        readings=tuple(readings),
    )


def _played(
    settings: TrainingSettings, name: str, title: str, *, first: bool
) -> Iterator[tuple[str, Arm, TrainingSettings]]:
    """Each configuration of the paper in one reading: its arm, with the edits that are read, its settings."""
    own = READINGS[name].edits
    for role in ARMS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is idle is left out here
            idle = unread(settings.edit({**own, **role.edits}))
            read = {
                path: value
                for path, value in own.items()
                if not any(is_under(path, section) for section in idle)
            }
            edits = {**read, **role.edits}
            resolved = settings.edit(edits)
        arm_name = role.name if first else f"{name}-{role.name}"
        arm_title = role.title if first else f"{title}: {role.title}"
        yield role.name, Arm(name=arm_name, title=arm_title, edits=edits), resolved


def _own_title(settings: TrainingSettings) -> str:
    """The form of the run's own coupling: `normalised inverse`."""
    form: str = settings.losses.term("gradient_consistency").form_words()
    return form.replace("_", " ")
