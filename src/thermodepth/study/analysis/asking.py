"""What is asked of a study: differences, effects of its design, doses; and which of it is declared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from thermodepth.study.analysis.designs import FULL, Design, listed, recognised
from thermodepth.study.analysis.doses import doses_of
from thermodepth.study.analysis.questions import Kind, Question, against, is_twin
from thermodepth.study.analysis.shapley import Settings

_EFFECTS: frozenset[Kind] = frozenset({"main effect", "interaction"})
_NEVER_DECLARED: frozenset[Kind] = frozenset({"twin", "slope"})
#: Of arms whose names are no design, whatever they look like.
NO_DESIGN = Design(kind="list", factors=(), arms={})


def declared_kinds(kinds: Iterable[Kind]) -> frozenset[Kind]:
    """The kinds of questions that get verdicts, of those that are asked."""
    asked = frozenset(kinds)
    return _EFFECTS if asked & _EFFECTS else asked - _NEVER_DECLARED


def questions_of(
    arms: Sequence[str],
    reference: str,
    *,
    titles: Mapping[str, str] | None = None,
    design: Design | None = None,
) -> tuple[Question, ...]:
    """Each arm against the reference, then the effects that a design can tell.

    Args:
        arms: all that the study has, with results or without.
        reference: the one that differences are to.
        titles: what people call the arms.
        design: of these arms; None reads it from their names, and `NO_DESIGN` is none.
    """
    found = list(against(reference, arms, titles=titles))
    if design is None:
        design = design_of([arm for arm in arms if not is_twin(arm, reference)])
    if design is not None:
        names = {question.name for question in found}
        # Leaving one out is the difference to "full", turned round: asked once.
        found += [
            question
            for question in design.questions()
            if question.name not in names and question.kind != "leave one out"
        ]
    for dose in doses_of(arms):
        if reference == FULL and dose.has_slope:
            found.append(dose.slope())
    return tuple(found)


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
