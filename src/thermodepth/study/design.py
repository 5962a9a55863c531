"""A study as data: arms that are dotted edits of one run, and the seeds that each arm is trained with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from thermodepth.config import Edits
from thermodepth.errors import SettingsError, unknown
from thermodepth.evaluation.rows.rows import TEACHER_ARM
from thermodepth.evaluation.scoring.baselines import BASELINES
from thermodepth.statistics.claims import Claim
from thermodepth.statistics.comparison import SMALLEST_EFFECT
from thermodepth.statistics.default_questions import NO_DESIGN, ArmFactors
from thermodepth.statistics.designs import Design, DoseResponse
from thermodepth.statistics.paper_readings import PaperReading
from thermodepth.statistics.questions import NAME, TWIN, is_twin
from thermodepth.statistics.simple_effects import SimpleEffects
from thermodepth.study.arm import Arm as Arm
from thermodepth.study.arm_edits import check_arms, check_base
from thermodepth.study.factors import (
    check_doses,
    check_readings,
    check_simple_effects,
    design_of_edits,
    doses_of_edits,
)
from thermodepth.study.tuned import TunedWeights
from thermodepth.training.settings import TrainingSettings

TEST_SPLIT = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """Arms by seeds over one base run. Arms of a seed share first weights and batches but where they edit."""

    name: str
    title: str
    settings: TrainingSettings
    arms: tuple[Arm, ...]
    reference: str  # the arm that differences are taken to
    seeds: tuple[int, ...]
    primary: tuple[str, ...] = ("abs_rel", "rmse")  # the metrics that verdicts are given for
    smallest_effect: float = SMALLEST_EFFECT  # too small to matter, a share of the reference's mean
    claims: tuple[Claim, ...] = ()  # to be judged; like the two above they change no number
    #: Of the arms' switches, whose effects are asked for; None reads it from what the arms edit.
    design: Design | None = None
    #: Numbers that arms multiply, whose curves are asked for; None reads them from what the arms edit.
    doses: tuple[DoseResponse, ...] | None = None
    #: Switches at levels of something else, whose effects at each level are asked for.
    simple_effects: tuple[SimpleEffects, ...] = ()
    #: Ways to understand the paper's loss, whose own changes are asked for and held against its table.
    readings: tuple[PaperReading, ...] = ()
    budget_hours: float | None = None  # of training, summed over cells; see `run.within_budget`
    scored_split: str = TEST_SPLIT  # of `settings.data.source`; a search of weights has another
    tuned: TunedWeights | None = (
        None  # where weights of the settings come from; it changes no number
    )

    def __post_init__(self) -> None:
        names = [arm.name for arm in self.arms]
        for name in names:
            if not NAME.fullmatch(name):
                raise SettingsError(
                    f"study {self.name}: arm name '{name}', expected a-z, 0-9 and dashes"
                )
        for name in (*BASELINES, TEACHER_ARM):
            if name in names:
                raise SettingsError(
                    f"study {self.name}: an arm cannot be called '{name}', which is a line of every table"
                )
        if len(set(names)) < len(names):
            raise SettingsError(f"study {self.name}: two arms have one name ({', '.join(names)})")
        if self.reference not in names:
            raise SettingsError(
                f"study {self.name}: {unknown('reference arm', self.reference, names)}"
            )
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise SettingsError(f"study {self.name}: seeds {self.seeds}, expected distinct numbers")

        for arm in self.arms:
            if is_twin(arm.name, self.reference) and dict(arm.edits) != dict(
                self.arm(self.reference).edits
            ):
                raise SettingsError(
                    f"study {self.name}: '{arm.name}' is the name of the reference's twin, and this arm has "
                    "other edits"
                )
        check_base(self.settings, f"study {self.name}")
        check_arms(self.settings, self.arms, self.reference, f"study {self.name}")
        check_doses(self.settings, self._edits(), self.doses or (), f"study {self.name}")
        check_simple_effects(
            self.settings, self._edits(), self.simple_effects, f"study {self.name}"
        )
        check_readings(self.readings, names, f"study {self.name}")
        if self.budget_hours is not None and not 0 < self.budget_hours < float("inf"):
            raise SettingsError(
                f"study {self.name}: a budget of {self.budget_hours} hours, expected a number above 0"
            )

    def __repr__(self) -> str:
        arms, seeds = len(self.arms), len(self.seeds)
        counts = f"{arms} arm{'s' * (arms != 1)} x {seeds} seed{'s' * (seeds != 1)}"
        return (
            f"Study('{self.name}': {counts} = {arms * seeds} cells of "
            f"{steps_words(self)} steps on {self.settings.data.source}, reference {self.reference})"
        )

    def _repr_html_(self) -> str:
        from thermodepth.notebook import table_html, titled_html

        rows = [
            (
                arm.name,
                arm.title,
                ", ".join(f"{name} = {value}" for name, value in arm.edits.items()),
            )
            for arm in self.arms
        ]
        seeds = ", ".join(map(str, self.seeds))
        line = f"{self!r}; seeds {seeds}; verdicts on {', '.join(self.primary)}"
        return titled_html(line, table_html(rows, header=("arm", "title", "edits")))

    @property
    def arm_factors(self) -> ArmFactors:
        """Factors and doses of the arms: as declared, else as they are edited."""
        arms = {
            name: edits
            for name, edits in self._edits().items()
            if not is_twin(name, self.reference)
        }
        design, doses = self.design, self.doses
        if design is None:
            design = design_of_edits(self.settings, arms) or NO_DESIGN
        if doses is None:
            doses = doses_of_edits(self.settings, arms)
        return ArmFactors(
            design=design, doses=doses, simple_effects=self.simple_effects, readings=self.readings
        )

    def _edits(self) -> dict[str, Edits]:
        return {arm.name: arm.edits for arm in self.arms}

    def with_twin(self) -> Study:
        """The study with its reference once more at the end: what is not due to recipe or seed.

        The twin is trained as the reference is, from the same weights on the same batches, in its own cell.
        """
        name = f"{self.reference}{TWIN}"
        if any(arm.name == name for arm in self.arms):
            return self
        again = self.arm(self.reference)
        twin = replace(again, name=name, title=f"{again.title}, again")
        return replace(self, arms=(*self.arms, twin))

    def arm(self, name: str) -> Arm:
        """One arm by its name."""
        return next(arm for arm in self.arms if arm.name == name)

    def cells(self) -> tuple[Cell, ...]:
        """Every (arm, seed), all arms of the first seed first."""
        return tuple(Cell(arm=arm, seed=seed) for seed in self.seeds for arm in self.arms)

    def settings_of(self, cell: Cell) -> TrainingSettings:
        """The training of one cell."""
        return self.settings.edit({**cell.arm.edits, "seed": cell.seed})

    def describe(self) -> Mapping[str, Any]:
        """The study without its seeds, as JSON: what a study folder belongs to."""
        tree = self.settings.tree()
        tree.pop("seed")
        tree.pop("runtime")
        return {
            "name": self.name,
            "title": self.title,
            "reference": self.reference,
            "arms": [
                {"name": arm.name, "title": arm.title, "edits": dict(arm.edits)}
                for arm in self.arms
            ],
            "settings": tree,
            # What studies always were scored on is no part of what names them.
            **({} if self.scored_split == TEST_SPLIT else {"scored_split": self.scored_split}),
        }

    def identity(self, data_fingerprint: str) -> str:
        """Changes when the numbers may; seeds can be added without changing it."""
        tree = dict(self.describe())
        if self.settings.extensions:  # by their content, wherever they lie
            marks = [record.sha256 for record in self.settings.extensions]
            tree["settings"] = {**tree["settings"], "extensions": marks}
        text = json.dumps([tree, data_fingerprint], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def steps_words(study: Study) -> str:
    """`600`, or `200 to 600` where arms edit the steps."""
    steps = sorted({study.settings.edit(arm.edits).steps for arm in study.arms})
    return f"{steps[0]} to {steps[-1]}" if len(steps) > 1 else str(steps[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One training of a study."""

    arm: Arm
    seed: int

    @property
    def name(self) -> str:
        """Also its folder below `cells/`."""
        return f"{self.arm.name}/seed-{self.seed}"
