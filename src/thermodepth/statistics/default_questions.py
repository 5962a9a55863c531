"""What is asked of a study: differences, effects of its design, doses; and which of it is declared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from thermodepth.statistics.designs import FULL, Design, DoseResponse, listed, recognised
from thermodepth.statistics.dose_response import doses_of
from thermodepth.statistics.paper_readings import PaperReading
from thermodepth.statistics.questions import Kind, Question, against, is_twin
from thermodepth.statistics.shapley import Settings
from thermodepth.statistics.simple_effects import SimpleEffects

_EFFECTS: frozenset[Kind] = frozenset({"main effect", "interaction"})
_AT_LEVELS: frozenset[Kind] = frozenset({"simple effect", "trend"})
_OF_READINGS: frozenset[Kind] = frozenset({"reading"})
_NEVER_DECLARED: frozenset[Kind] = frozenset({"twin", "slope"})
#: Of arms whose names are no design, whatever they look like.
NO_DESIGN = Design(kind="list", factors=(), arms={})


def declared_kinds(kinds: Iterable[Kind]) -> frozenset[Kind]:
    """The kinds of questions that get verdicts, of those that are asked."""
    present_kinds = frozenset(kinds)
    for whole in (_OF_READINGS, _AT_LEVELS):
        if present_kinds & whole:
            return whole
    return _EFFECTS if present_kinds & _EFFECTS else present_kinds - _NEVER_DECLARED


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmFactors:
    """What is asked of arms beside each one's difference to the reference."""

    design: Design = NO_DESIGN
    doses: tuple[DoseResponse, ...] = ()
    simple_effects: tuple[SimpleEffects, ...] = ()
    readings: tuple[PaperReading, ...] = ()  # of the paper's loss, whose own changes are asked for
    #: Whether nobody said it, and the arms' names were taken for it.
    by_name: bool = False

    @property
    def sentence(self) -> str:
        """What was read from names, for people; empty where that is nothing."""
        if not self.by_name:
            return ""
        parts = []
        if self.design.factors:
            parts.append(f"the factors {', '.join(self.design.factors)}")
        parts += [
            f"the levels of {dose.factor} ({', '.join(f'{level:g}' for level in dose.arms.values())})"
            for dose in self.doses
        ]
        if not parts:
            return ""
        return (
            f"Read from the names of the arms, for nothing else tells of them: {'; '.join(parts)}."
        )


def factors_by_name(arms: Sequence[str], reference: str) -> ArmFactors:
    """Of a table that holds names alone: what names such as `no-A`, `no-A-no-B`, `A-x0p3` say."""
    ranked = [arm for arm in arms if not is_twin(arm, reference)]
    return ArmFactors(design=design_of(ranked) or NO_DESIGN, doses=doses_of(arms), by_name=True)


def questions_of(
    arms: Sequence[str],
    reference: str,
    *,
    titles: Mapping[str, str] | None = None,
    arm_factors: ArmFactors,
) -> tuple[Question, ...]:
    """Each arm against the reference, the effects that a design can tell, slopes of doses, simple effects,
    changes of readings.

    Args:
        arms: all that the study has, with results or without.
        reference: the one that differences are to.
        titles: what people call the arms.
        asked: design and doses of these arms.
    """
    questions = list(against(reference, arms, titles=titles))
    names = {question.name for question in questions}
    # Leaving one out is the difference to "full", turned round: asked once.
    questions += [
        question
        for question in arm_factors.design.questions()
        if question.name not in names and question.kind != "leave one out"
    ]
    for dose in arm_factors.doses:
        if dose.whole == reference and dose.has_slope:
            questions.append(dose.slope())
    for effects in arm_factors.simple_effects:
        questions += effects.questions()
    for reading in arm_factors.readings:
        questions += reading.questions()
    return tuple(questions)


def design_of(arms: Sequence[str]) -> Design | None:
    """The design that arms named `full`, `no-A`, `no-A-no-B` make; None where a name says nothing.

    The factors come in the order in which the names first leave them out.
    """
    if FULL not in arms:
        return None
    off_of: dict[str, tuple[str, ...]] = {}
    for arm in arms:
        parts = () if arm == FULL else tuple(f"-{arm}".split("-no-"))
        if arm != FULL and (parts[0] or not all(parts[1:])):
            continue  # such as "full-twin"
        off_of[arm] = parts[1:]
    factors = tuple(dict.fromkeys(factor for off in off_of.values() for factor in off))
    if len(factors) < 2:  # one switch: its difference says it all
        return None
    settings: dict[str, Settings] = {
        arm: tuple(factor not in off for factor in factors) for arm, off in off_of.items()
    }
    return recognised(listed(factors, settings))
