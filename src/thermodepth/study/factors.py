"""Factors and doses of a study that declares none: read from what its arms edit. Names are labels.

A factor is what the same arms edit together, always to the same value: the paper's five arms edit three
switches. A dose is a number that arms edit alone, to several values; its levels are multiples of what the
study has there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from thermodepth.config import Edits, difference
from thermodepth.errors import SettingsError, unknown
from thermodepth.statistics.designs import Design, DoseResponse, listed, recognised
from thermodepth.statistics.paper_readings import PaperReading
from thermodepth.statistics.simple_effects import SimpleEffects
from thermodepth.training.settings import TrainingSettings

_Change = tuple[str, str]  # setting, and the value as text, by which values are told apart


def design_of_edits(settings: TrainingSettings, arms: Mapping[str, Edits]) -> Design | None:
    """The switches that arms set, on where the study's settings stand; None for fewer than two.

    An arm that edits a setting which another arm edits to another value sets no switch, and is left out.

    Args:
        settings: that arms are edits of.
        arms: edits by the arm's name, no twin among them, in order.
    """
    changes = {name: _changes(settings, edits) for name, edits in arms.items()}
    values: dict[str, set[str]] = {}
    for path, value in (each for own in changes.values() for each in own):
        values.setdefault(path, set()).add(value)
    switching = {
        name: own for name, own in changes.items() if all(len(values[path]) == 1 for path, _ in own)
    }
    together: dict[tuple[str, ...], list[str]] = {}  # which arms edit it -> settings
    for path in dict.fromkeys(path for own in switching.values() for path, _ in own):
        who = tuple(name for name, own in switching.items() if any(path == p for p, _ in own))
        together.setdefault(who, []).append(path)
    if len(together) < 2:  # one switch: its difference says it all
        return None
    factors = factor_names(list(together.values()))
    try:
        return recognised(
            listed(
                factors,
                {name: tuple(name not in who for who in together) for name in switching},
            )
        )
    except SettingsError:  # more factors than a design can hold, or names that none can carry
        return None


def doses_of_edits(
    settings: TrainingSettings, arms: Mapping[str, Edits]
) -> tuple[DoseResponse, ...]:
    """Numbers that arms edit alone to two values or more, with an arm that leaves everything as it is.

    Args:
        settings, arms: as `design_of_edits`.
    """
    changed = {name: difference(settings, settings.edit(edits)) for name, edits in arms.items()}
    plain = next((name for name, own in changed.items() if not own), None)
    if plain is None:
        return ()
    levels: dict[str, dict[str, float]] = {}
    for name, own in changed.items():
        if len(own) != 1:
            continue
        ((path, (old, new)),) = own.items()
        if _is_number(old) and _is_number(new) and old:
            levels.setdefault(path, {})[name] = new / old
    several = {path: own for path, own in levels.items() if len(own) > 1}
    names = factor_names([[path] for path in several])
    return tuple(
        dose_of(name, own | {plain: 1.0})
        for name, own in zip(names, several.values(), strict=True)
        if all(level >= 0 for level in own.values())
    )


def dose_of(factor: str, levels: Mapping[str, float]) -> DoseResponse:
    """Arms by their level, in rising order; levels rounded as numbers of a settings file are."""
    rounded = {arm: float(format(level, ".9g")) for arm, level in levels.items()}
    return DoseResponse(factor=factor, arms=dict(sorted(rounded.items(), key=lambda each: each[1])))


def factor_names(factors: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """A name for each group of settings: of each as few of its last words as no other setting ends in."""
    words = [[path.replace("_", "-").split(".") for path in paths] for paths in factors]
    every = [path for paths in words for path in paths]

    def short(path: list[str]) -> str:
        lengths = (n for n in range(1, len(path)) if sum(p[-n:] == path[-n:] for p in every) == 1)
        return "-".join(path[-next(lengths, len(path)) :])

    return tuple("-and-".join(map(short, paths)) for paths in words)


def check_doses(
    settings: TrainingSettings, arms: Mapping[str, Edits], doses: Iterable[DoseResponse], where: str
) -> None:
    """Whether the levels that a study declares are what its arms edit.

    Raises:
        SettingsError: naming the arm.
    """
    for dose in doses:
        for arm, level in dose.arms.items():
            if arm not in arms:
                raise SettingsError(f"{where}: doses of {dose.factor}: no arm '{arm}'")
            own = difference(settings, settings.edit(arms[arm]))
            if not own and level == 1.0:
                continue
            ratio = None
            if len(own) == 1:
                ((old, new),) = own.values()
                ratio = new / old if _is_number(old) and _is_number(new) and old else None
            if ratio is None or not math.isclose(ratio, level, rel_tol=1e-6, abs_tol=1e-12):
                edited = ", ".join(f"{path} {old} to {new}" for path, (old, new) in own.items())
                raise SettingsError(
                    f"{where}: doses of {dose.factor}: arm '{arm}' is declared at {level:g} times the "
                    f"number, and edits {edited or 'nothing'}"
                )


def check_simple_effects(
    settings: TrainingSettings,
    arms: Mapping[str, Edits],
    simple_effects: Iterable[SimpleEffects],
    where: str,
) -> None:
    """Whether one switch parts the two arms of every level, and nothing else.

    Raises:
        SettingsError: naming the arms.
    """
    for effects in simple_effects:
        switch: dict[str, tuple[Any, Any]] | None = None
        for pair in effects.pairs:
            for arm in pair.arms:
                if arm not in arms:
                    raise SettingsError(
                        f"{where}: simple effects of {effects.factor}: no arm '{arm}'"
                    )
            on, off = (settings.edit(arms[arm]) for arm in pair.arms)
            own = difference(on, off)
            if switch is None:
                switch = own
            if not own or own != switch:
                first = effects.pairs[0]
                raise SettingsError(
                    f"{where}: simple effects of {effects.factor}: '{pair.on}' and '{pair.off}' differ in "
                    f"{_parted(own)}, '{first.on}' and '{first.off}' in {_parted(switch)}"
                )


def _parted(changes: Mapping[str, tuple[Any, Any]]) -> str:
    return ", ".join(f"{path} {old} to {new}" for path, (old, new) in changes.items()) or "nothing"


def check_readings(readings: Sequence[PaperReading], arms: Sequence[str], where: str) -> None:
    """Whether the study has the arms of its readings.

    Raises:
        SettingsError: naming the reading.
    """
    for number, reading in enumerate(readings):
        if any(reading.name == other.name for other in readings[:number]):
            raise SettingsError(f"{where}: two readings are called '{reading.name}'")
        for arm in reading.arms.values():
            if arm not in arms:
                raise SettingsError(
                    f"{where}: reading '{reading.name}': {unknown('arm', arm, arms)}"
                )


def _changes(settings: TrainingSettings, edits: Edits) -> tuple[_Change, ...]:
    return tuple(
        (path, repr(new)) for path, (_, new) in difference(settings, settings.edit(edits)).items()
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
