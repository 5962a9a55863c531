"""What each of k switches contributes, as weights on the means of arms.

    main effect     mean over the settings of the others of y(j on) - y(j off)
    interaction     mean over the settings of the others of y(11) - y(10) - y(01) + y(00)
    Shapley value   phi_j = sum_T |T|! (k - |T| - 1)! / k! (y(T + j) - y(T)) over all T without j
    leave one out   y(all on) - y(all but j)
    add one in      y(j alone) - y(none)

All are linear in the arms' means, so each is a contrast: weights per arm that sum to 0, to which one engine
gives its interval. All are "on minus off": of an error, below 0 is what a useful term does. Shapley values
(1953) sum to y(all on) - y(none on), whatever the interactions.

A main effect and a Shapley value need every setting; leaving one out needs k + 1 arms and sees a term only
in the company of all others: of two terms that do the same work it finds neither.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, product
from math import factorial

from thermodepth.errors import SettingsError

Contrast = dict[str, float]  # weight per arm
Settings = tuple[bool, ...]  # of each factor, in order


def main_effect(arms: Mapping[Settings, str], factor: int) -> Contrast:
    """Mean of "on" minus mean of "off".

    Args:
        arms: the arm of every setting of a full factorial, or of a fraction of it that is balanced.
        factor: place of the switch in the settings.

    Raises:
        SettingsError: when not half of the arms have it on.
    """
    return _halves(arms, [on[factor] for on in arms], share=2)


def interaction(arms: Mapping[Settings, str], first: int, second: int) -> Contrast:
    """How much the effect of one switch changes when the other is on. `arms` as for `main_effect`.

    Raises:
        SettingsError: when not half of the arms have both switches alike.
    """
    return _halves(arms, [on[first] == on[second] for on in arms], share=4)


def shapley(arms: Mapping[Settings, str], factor: int) -> Contrast:
    """The Shapley value of switching one factor on.

    Raises:
        SettingsError: naming settings that no arm has.
    """
    lacking = missing_settings(list(arms))
    if lacking:
        raise SettingsError(
            f"a Shapley value needs all {2 ** len(lacking[0])} settings; {len(lacking)} have no arm, such as "
            + ", ".join("on" if on else "off" for on in lacking[0])
        )
    count = len(next(iter(arms)))
    contrast = dict.fromkeys(arms.values(), 0.0)
    others = [number for number in range(count) if number != factor]
    for size in range(count):
        weight = factorial(size) * factorial(count - size - 1) / factorial(count)
        for team in combinations(others, size):
            without = tuple(number in team for number in range(count))
            joined = tuple(number in team or number == factor for number in range(count))
            contrast[arms[joined]] += weight
            contrast[arms[without]] -= weight
    return contrast


def leave_one_out(arms: Mapping[Settings, str], factor: int) -> Contrast:
    """What a factor adds when all others are on.

    Raises:
        SettingsError: when an arm for it is missing.
    """
    count = len(next(iter(arms)))
    without = tuple(number != factor for number in range(count))
    return _pair(arms, (True,) * count, without)


def add_one_in(arms: Mapping[Settings, str], factor: int) -> Contrast:
    """What a factor does alone.

    Raises:
        SettingsError: when an arm for it is missing.
    """
    count = len(next(iter(arms)))
    alone = tuple(number == factor for number in range(count))
    return _pair(arms, alone, (False,) * count)


def missing_settings(present: Sequence[Settings]) -> list[Settings]:
    """The settings that a full factorial has and these arms lack, most factors on first."""
    count = len(present[0])
    present_settings = set(present)
    every = sorted(product((True, False), repeat=count), key=sum, reverse=True)
    return [on for on in every if on not in present_settings]


def _halves(arms: Mapping[Settings, str], plus: Sequence[bool], *, share: int) -> Contrast:
    if 2 * sum(plus) != len(plus):
        raise SettingsError(
            f"{sum(plus)} of {len(plus)} arms are on one side; an effect needs as many on either"
        )
    weight = share / len(arms)
    return {arm: weight if up else -weight for arm, up in zip(arms.values(), plus, strict=True)}


def _pair(arms: Mapping[Settings, str], plus: Settings, minus: Settings) -> Contrast:
    for on in (plus, minus):
        if on not in arms:
            words = ", ".join("on" if each else "off" for each in on)
            raise SettingsError(f"no arm has the setting {words}")
    return {arms[plus]: 1.0, arms[minus]: -1.0}
