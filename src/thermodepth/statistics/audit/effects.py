"""Which effects the arms of a table can give, and what the arms that are missing would add.

All effects are of switching on. With the other factors held:

    simple        y(on) - y(off) at one setting of the others
    main          mean of the simple effects of one factor over the other one of a 2x2, or over all settings
    interaction   y(11) - y(10) - y(01) + y(00) of a 2x2, or its mean over the settings of the others
    Shapley       of the full factorial only
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, product
from math import factorial
from typing import Literal

from thermodepth.statistics.audit.published import PublishedTable
from thermodepth.statistics.shapley import Settings, interaction, main_effect, shapley

Kind = Literal["difference", "simple", "main", "interaction", "Shapley"]
Weights = Mapping[str, Fraction]  # per arm; they sum to 0
Present = Mapping[Settings, str]  # the arm of each setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A contrast of arms: a difference to the reference, or what switching a factor on does."""

    kind: Kind
    subject: str  # the arm, the factor, or both factors
    held: str = ""  # the settings of the other factors
    weights: Weights


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorReach:
    """How much the table knows of one factor."""

    factor: str
    held: tuple[str, ...]  # the settings of the others at which it was switched
    possible: int  # of such settings in the full factorial


@dataclass(frozen=True, slots=True, kw_only=True)
class PairReach:
    """How much the table knows of two factors together."""

    pair: str
    held: tuple[str, ...]  # settings of the others with all four arms
    possible: int
    nearest: tuple[
        Settings, ...
    ]  # the fewest arms that would give a first 2x2; empty if there is one


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingArm:
    """A setting of the full factorial that was not run."""

    settings: Settings
    name: str
    gives: tuple[str, ...]  # the 2x2s it would complete alone


def differences(table: PublishedTable) -> list[Effect]:
    """Every other arm minus the reference."""
    base = table.reference.name
    return [
        Effect(
            kind="difference", subject=arm.name, weights={arm.name: Fraction(1), base: Fraction(-1)}
        )
        for arm in table.arms
        if arm.name != base
    ]


def factor_effects(table: PublishedTable) -> list[Effect]:
    """Every simple effect, and each mean and interaction that the arms allow, factor by factor."""
    present, count = table.by_settings(), len(table.factors)
    if not present:
        return []
    full = len(present) == 2**count
    effects: list[Effect] = []
    for place, factor in enumerate(table.factors):
        for others in _simple(present, place, count):
            on, off = (_with(others, {place: switch}) for switch in (True, False))
            weights = {present[on]: Fraction(1), present[off]: Fraction(-1)}
            effects.append(
                Effect(
                    kind="simple",
                    subject=factor,
                    held=held_words(table.factors, others, without=(place,)),
                    weights=weights,
                )
            )
        if full and count > 1:
            effects.append(_over_all("main", factor, main_effect(present, place), count))
            effects.append(_over_all("Shapley", factor, shapley(present, place), count))
        elif not full:
            effects += _square_means(table, present, place)
    for first, second in combinations(range(count), 2):
        pair = pair_words(table.factors, first, second)
        if full:
            effects.append(
                _over_all("interaction", pair, interaction(present, first, second), count, but=2)
            )
            continue
        for others in _squares(present, first, second, count):
            four = _square(present, others, first, second)
            effects.append(
                Effect(
                    kind="interaction",
                    subject=pair,
                    held=held_words(table.factors, others, without=(first, second)),
                    weights=_exact(interaction(four, 0, 1), 2),
                )
            )
    return effects


def factor_reach(table: PublishedTable) -> list[FactorReach]:
    """For each factor the settings of the others at which both its arms are there."""
    present, count = table.by_settings(), len(table.factors)
    return [
        FactorReach(
            factor=factor,
            held=tuple(
                held_words(table.factors, others, without=(place,))
                for others in _simple(present, place, count)
            ),
            possible=2 ** (count - 1),
        )
        for place, factor in enumerate(table.factors)
    ]


def pair_reach(table: PublishedTable) -> list[PairReach]:
    """For each pair of factors the 2x2s that are there, or the fewest arms that would give one."""
    present, count = table.by_settings(), len(table.factors)
    reaches = []
    for first, second in combinations(range(count), 2):
        squares = list(_squares(present, first, second, count))
        lacking = [
            tuple(on for on in _corners(others, first, second) if on not in present)
            for others in _contexts(count, (first, second))
        ]
        reaches.append(
            PairReach(
                pair=pair_words(table.factors, first, second),
                held=tuple(
                    held_words(table.factors, others, without=(first, second)) for others in squares
                ),
                possible=2 ** (count - 2),
                nearest=() if squares else min(lacking, key=len),
            )
        )
    return reaches


def missing_arms(table: PublishedTable) -> list[MissingArm]:
    """The settings of the full factorial that the table lacks, most factors on first."""
    present, count = table.by_settings(), len(table.factors)
    absent = [on for on in product((True, False), repeat=count) if on not in present]
    absent.sort(key=lambda on: -sum(on))
    missing = []
    for settings in absent if present else ():
        gives = [
            pair_words(table.factors, a, b)
            + _bracketed(held_words(table.factors, settings, without=(a, b)))
            for a, b in combinations(range(count), 2)
            if [on for on in _corners(settings, a, b) if on not in present] == [settings]
        ]
        missing.append(
            MissingArm(
                settings=settings, name=arm_words(table.factors, settings), gives=tuple(gives)
            )
        )
    return missing


# --- words ---------------------------------------------------------------------------------------


def arm_words(factors: Sequence[str], settings: Settings) -> str:
    """`Consistency only`, `no Smooth`, `none of them`: an arm by what is switched on."""
    on = [factor for factor, switch in zip(factors, settings, strict=True) if switch]
    off = [factor for factor, switch in zip(factors, settings, strict=True) if not switch]
    if not on:
        return "none of them"
    if len(on) == 1 and len(factors) > 1:
        return f"{on[0]} only"
    return "no " + ", no ".join(off) if off else "all"


def setting_words(settings: Settings) -> str:
    """`(0, 1, 0)`."""
    return f"({', '.join(str(int(switch)) for switch in settings)})"


def held_words(factors: Sequence[str], settings: Settings, *, without: Sequence[int]) -> str:
    """`SiLog on, Smooth off`, of the factors that are held."""
    return ", ".join(
        f"{factor} {'on' if switch else 'off'}"
        for place, (factor, switch) in enumerate(zip(factors, settings, strict=True))
        if place not in without
    )


def pair_words(factors: Sequence[str], first: int, second: int) -> str:
    """`Smooth × Consistency`."""
    return f"{factors[first]} × {factors[second]}"


def _bracketed(held: str) -> str:
    return f" ({held})" if held else ""


# --- settings ------------------------------------------------------------------------------------


def _with(settings: Settings, switches: Mapping[int, bool]) -> Settings:
    return tuple(switches.get(place, switch) for place, switch in enumerate(settings))


def _contexts(count: int, free: Sequence[int]) -> Iterator[Settings]:
    """Every setting of the factors that are held, the free ones on."""
    return (on for on in product((True, False), repeat=count) if all(on[place] for place in free))


def _corners(settings: Settings, first: int, second: int) -> list[Settings]:
    return [_with(settings, {first: a, second: b}) for a in (True, False) for b in (True, False)]


def _simple(present: Present, place: int, count: int) -> Iterator[Settings]:
    """Settings of the others at which the factor was switched."""
    return (
        on for on in _contexts(count, (place,)) if {on, _with(on, {place: False})} <= present.keys()
    )


def _squares(present: Present, first: int, second: int, count: int) -> Iterator[Settings]:
    """Settings of the others with all four arms of two factors."""
    return (
        on
        for on in _contexts(count, (first, second))
        if present.keys() >= set(_corners(on, first, second))
    )


def _square(present: Present, others: Settings, first: int, second: int) -> dict[Settings, str]:
    return {(on[first], on[second]): present[on] for on in _corners(others, first, second)}


# --- effects -------------------------------------------------------------------------------------


def _square_means(table: PublishedTable, present: Present, place: int) -> Iterator[Effect]:
    """The factor's mean effect over each 2x2 with another one."""
    count = len(table.factors)
    for other in range(count):
        if other == place:
            continue
        for others in _squares(present, place, other, count):
            held = held_words(table.factors, others, without=(place, other))
            yield Effect(
                kind="main",
                subject=table.factors[place],
                held=f"{held}, mean over {table.factors[other]}",
                weights=_exact(main_effect(_square(present, others, place, other), 0), 2),
            )


def _over_all(
    kind: Kind, subject: str, contrast: Mapping[str, float], count: int, *, but: int = 1
) -> Effect:
    return Effect(
        kind=kind,
        subject=subject,
        held="mean over all settings of the others" if count > but else "",
        weights=_exact(contrast, count),
    )


def _exact(contrast: Mapping[str, float], factors: int) -> dict[str, Fraction]:
    """The weights as the fractions that they are: their denominators divide k! or 2^k."""
    bound = max(factorial(factors), 2**factors)
    return {arm: Fraction(weight).limit_denominator(bound) for arm, weight in contrast.items()}


Weighted = Callable[[str], Fraction]


def value_of(effect: Effect, value: Weighted) -> Fraction:
    """The contrast of the arms' values."""
    return sum((w * value(arm) for arm, w in effect.weights.items()), Fraction(0))
