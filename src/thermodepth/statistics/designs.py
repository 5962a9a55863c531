"""Which arms to train so that the questions can be answered.

    factors   default                     arms    tells
    1-4       full factorial              2-16    everything
    5         half fraction, res. V         16    main effects and interactions of two
    6         half fraction, res. VI        32    main effects and interactions of two
    7 or more leave one out              k + 1    each factor in the company of all others

A setting has one name in every design, "full" or what is off, so that designs share arms: the paper's five
are part of the full factorial of three. The half fraction holds the settings with an even number of factors
off (Box, Hunter and Hunter: defining relation I = AB...K); an effect is then the same sum over arms as that
of all other factors together, which `estimable` says.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product
from typing import Literal

import numpy as np

from thermodepth.errors import SettingsError
from thermodepth.statistics import shapley as effects
from thermodepth.statistics.questions import NAME, Question
from thermodepth.statistics.shapley import Settings

FULL = "full"
LEVELS = (0.0, 0.1, 0.3, 1.0, 3.0, 10.0)
_MOST_FACTORS = 10  # a factorial beyond is a thousand arms

DesignKind = Literal["full factorial", "half fraction", "leave one out", "add one in", "list"]


# --- switches ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """Named settings of switches."""

    kind: DesignKind
    factors: tuple[str, ...]
    arms: Mapping[str, Settings]  # name of the arm -> which factors are on

    @property
    def by_setting(self) -> dict[Settings, str]:
        """The arm of each setting."""
        return {on: arm for arm, on in self.arms.items()}

    def questions(self) -> tuple[Question, ...]:
        """Every effect that these arms can tell without assuming that another is nothing.

        Of each factor, as far as there are arms for it: main effect, Shapley value, leave one out, add one
        in; then the interactions of two. In a half fraction the main effects and interactions stand on the
        assumption that those of all other factors together are nothing (see `estimable`).
        """
        arms = self.by_setting
        count = len(self.factors)
        complete = len(arms) == 2**count
        balanced = complete or self.kind == "half fraction"
        questions = []
        for place, factor in enumerate(self.factors):
            if balanced:
                questions.append(_question("main effect", factor, effects.main_effect(arms, place)))
            if complete and count > 1:
                questions.append(_question("shapley", factor, effects.shapley(arms, place)))
            for kind, weights in (
                ("leave one out", effects.leave_one_out),
                ("add one in", effects.add_one_in),
            ):
                try:
                    questions.append(_question(kind, factor, weights(arms, place)))
                except SettingsError:
                    continue  # this design has no arm for it
        if balanced and (complete or count > 4):
            questions += [
                _question(
                    "interaction",
                    f"{self.factors[a]} x {self.factors[b]}",
                    effects.interaction(arms, a, b),
                )
                for a, b in combinations(range(count), 2)
            ]
        return tuple(questions)


def full_factorial(factors: Sequence[str]) -> Design:
    """Every setting, all on first.

    Raises:
        SettingsError: for names that no arm could carry, doubles, none, or more than ten.
    """
    names = _checked(factors)
    return _design("full factorial", names, product((True, False), repeat=len(names)))


def half_fraction(factors: Sequence[str]) -> Design:
    """The half of all settings with an even number of factors off; of resolution k.

    Raises:
        SettingsError: as `full_factorial`, and below three factors, where main effects would be mixed.
    """
    names = _checked(factors)
    if len(names) < 3:
        raise SettingsError(
            f"a half fraction of {len(names)} factors cannot tell them apart; use the full factorial"
        )
    every = product((True, False), repeat=len(names))
    return _design("half fraction", names, (on for on in every if on.count(False) % 2 == 0))


def leave_one_out(factors: Sequence[str]) -> Design:
    """All on, then each off alone."""
    names = _checked(factors)
    count = len(names)
    each = [tuple(place != off for place in range(count)) for off in range(count)]
    return _design("leave one out", names, [(True,) * count, *each])


def add_one_in(factors: Sequence[str]) -> Design:
    """All off, then each on alone."""
    names = _checked(factors)
    count = len(names)
    each = [tuple(place == on for place in range(count)) for on in range(count)]
    return _design("add one in", names, [(False,) * count, *each])


def listed(factors: Sequence[str], arms: Mapping[str, Settings]) -> Design:
    """Arms that somebody chose, under their own names.

    Raises:
        SettingsError: for a setting of another length, or two arms with one setting.
    """
    names = _checked(factors)
    for arm, on in arms.items():
        if len(on) != len(names):
            raise SettingsError(f"arm '{arm}' sets {len(on)} switches, expected {len(names)}")
    if len(set(arms.values())) < len(arms):
        raise SettingsError("two arms have one setting")
    return Design(kind="list", factors=names, arms=dict(arms))


def recognised(design: Design) -> Design:
    """The same arms, known for the full factorial or half fraction that they are, if they are one."""
    count, settings = len(design.factors), set(design.arms.values())
    if len(settings) == 2**count:
        return replace(design, kind="full factorial")
    if count > 2 and settings == set(half_fraction(design.factors).arms.values()):
        return replace(design, kind="half fraction")
    return design


def default_design(factors: Sequence[str]) -> Design:
    """As the table of this module says."""
    if len(factors) <= 4:
        return full_factorial(factors)
    return half_fraction(factors) if len(factors) <= 6 else leave_one_out(factors)


def arm_name(factors: Sequence[str], on: Settings) -> str:
    """`full`, `no-smooth`, `no-smooth-no-consistency`."""
    off = [f"no-{factor}" for factor, is_on in zip(factors, on, strict=True) if not is_on]
    return "-".join(off) or FULL


# --- weights -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseResponse:
    """One weight at several multiples of its own."""

    factor: str
    arms: Mapping[str, float]  # name of the arm -> times the weight

    @property
    def whole(self) -> str | None:
        """The arm at level 1, which changes are against; None where there is none."""
        return next((arm for arm, level in self.arms.items() if level == 1.0), None)

    @property
    def has_slope(self) -> bool:
        """Whether there is a level, above 0, on either side of 1."""
        return any(0.0 < x < 1.0 for x in self.arms.values()) and max(self.arms.values()) > 1.0

    def slope(self) -> Question:
        """What a tenfold weight would change, by the straight line through the levels next to 1.

        Raises:
            SettingsError: without a level on either side of 1.
        """
        below = {level: arm for arm, level in self.arms.items() if 0.0 < level < 1.0}
        above = {level: arm for arm, level in self.arms.items() if level > 1.0}
        if not self.has_slope:
            raise SettingsError(
                f"{self.factor}: a slope at 1 needs a level below it, above 0, and one above it"
            )
        low, high = max(below), min(above)
        weight = 1.0 / math.log10(high / low)
        return Question(
            name=f"slope-{self.factor}",
            title=f"{self.factor}: per tenfold weight, {low:g} to {high:g}",
            weights={above[high]: weight, below[low]: -weight},
            kind="slope",
        )


def dose_response(factor: str, levels: Sequence[float] = LEVELS) -> DoseResponse:
    """Arms with a weight multiplied; times 1 is "full" and times 0 is "no-FACTOR", as in other designs.

    Raises:
        SettingsError: for a level that is negative, not finite or given twice, or fewer than two.
    """
    (name,) = _checked([factor])
    bad = [level for level in levels if not (math.isfinite(level) and level >= 0.0)]
    if bad or len(levels) < 2 or len(set(levels)) < len(levels):
        raise SettingsError(
            f"{factor}: levels {', '.join(map(str, levels))}, expected two or more distinct numbers from 0"
        )
    arms = {dose_arm(name, level): float(level) for level in levels}
    return DoseResponse(factor=factor, arms=arms)


def dose_arm(factor: str, level: float) -> str:
    """`full` at 1, `no-FACTOR` at 0, else `FACTOR-x0p3`."""
    special = {1.0: FULL, 0.0: f"no-{factor}"}
    return special.get(level, f"{factor}-x{format(level, 'g').replace('.', 'p')}")


# --- what can be told ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimable:
    """Whether one effect can be told from the arms of a design."""

    effect: tuple[str, ...]  # one factor, or two whose interaction it is
    possible: bool  # if all effects of more than `order` factors are nothing
    #: Effects whose sum over arms is the same up to its sign: what is measured is both together.
    aliases: tuple[tuple[str, ...], ...]
    order: int

    @property
    def sentence(self) -> str:
        """Such as `smooth: yes, if silog x consistency is nothing`."""
        name = " x ".join(self.effect)
        mixed = [" x ".join(alias) for alias in self.aliases]
        close = [
            words for words, a in zip(mixed, self.aliases, strict=True) if len(a) <= self.order
        ]
        if not self.possible:
            why = f"mixed with {', '.join(close)}" if close else "too few arms"
            return f"{name}: cannot be told ({why})"
        beyond = f"nothing of more than {self.order} factor{'s' * (self.order > 1)} together"
        return (
            f"{name}: yes, if {', '.join(mixed)} is nothing"
            if mixed
            else f"{name}: yes, if there is {beyond}"
        )


def estimable(design: Design, *, order: int = 2) -> tuple[Estimable, ...]:
    """Which effects of up to `order` factors the arms can tell, were there none of more.

    An effect can be told when its column of the model, +1 and -1 per arm, is not a sum of the others'.
    """
    count = len(design.factors)
    signs = np.array([[1.0 if on else -1.0 for on in each] for each in design.arms.values()])
    every = [team for size in range(count + 1) for team in combinations(range(count), size)]
    columns = {team: np.prod(signs[:, list(team)], axis=1) for team in every}
    model = [team for team in every if len(team) <= order]
    matrix = np.stack([columns[team] for team in model], axis=1)
    rank = int(np.linalg.matrix_rank(matrix))
    effects_of_order = []
    for place, team in enumerate(model):
        if not team:
            continue
        rest = np.delete(matrix, place, axis=1)
        alike = [
            other
            for other in every
            if other not in ((), team)
            and abs(float((columns[other] * columns[team]).sum())) == len(signs)
        ]
        effects_of_order.append(
            Estimable(
                effect=_named(design, team),
                possible=int(np.linalg.matrix_rank(rest)) < rank,
                aliases=tuple(_named(design, other) for other in alike),
                order=order,
            )
        )
    return tuple(effects_of_order)


def assumptions_of(design: Design) -> tuple[str, ...]:
    """What the declared effects of a half fraction stand on; nothing for other designs."""
    if design.kind != "half fraction":
        return ()
    order = 2 if len(design.factors) > 4 else 1
    sentences = [each.sentence for each in estimable(design, order=order)]
    return (f"A half fraction: what is told of {'; '.join(sentences)}.",)


def _named(design: Design, team: Sequence[int]) -> tuple[str, ...]:
    return tuple(design.factors[place] for place in team)


def _question(kind: str, what: str, weights: effects.Contrast) -> Question:
    return Question(
        name=f"{kind}: {what}",
        title=f"{kind[0].upper()}{kind[1:]} of {what}",
        weights=weights,
        kind=kind,  # type: ignore[arg-type]  # every caller names one
    )


def _checked(factors: Sequence[str]) -> tuple[str, ...]:
    names = tuple(factors)
    if not 1 <= len(names) <= _MOST_FACTORS:
        raise SettingsError(f"{len(names)} factors, expected 1 to {_MOST_FACTORS}")
    for name in names:
        if not NAME.fullmatch(name):
            raise SettingsError(f"factor '{name}': expected a-z, 0-9 and dashes")
        if "-no-" in f"{name}-":
            raise SettingsError(f"factor '{name}': '-no-' parts the factors in an arm's name")
        if names.count(name) > 1:
            raise SettingsError(f"factor '{name}' is named twice")
    return names


def _design(kind: DesignKind, factors: tuple[str, ...], settings: Iterable[Settings]) -> Design:
    return Design(kind=kind, factors=factors, arms={arm_name(factors, on): on for on in settings})
