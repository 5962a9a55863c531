"""The audit as tables; numbers are rounded in decimals, half away from zero, as by hand."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from fractions import Fraction

from thermodepth.report.table import Cell, Column, Number, Table
from thermodepth.statistics.audit.audit import Audit, MetricAudit, Reading
from thermodepth.statistics.audit.effects import setting_words
from thermodepth.statistics.audit.noise import LEVEL, POWER, sign_flip_seeds
from thermodepth.statistics.comparison import ONE_RUN

_NOT_KNOWN = "noise not known"


def rounded(value: Fraction, digits: int) -> float:
    """The nearest decimal of so many digits, half away from zero."""
    scaled = abs(value) * 10**digits
    whole = math.floor(scaled + Fraction(1, 2))
    return float(Fraction(whole, 10**digits) * (1 if value >= 0 else -1))


def signed(value: Fraction, digits: int) -> str:
    """`+0.0234`, `−0.0097`, `0.0000`."""
    near = rounded(value, digits)
    sign = "" if near == 0 else "−" if near < 0 else "+"
    return f"{sign}{abs(near):.{digits}f}"


def noise_mark(reading: Reading, *, published: bool) -> str:
    """What stands beside a difference."""
    if reading.within_noise is None:
        return _NOT_KNOWN
    if not reading.within_noise:
        return ""
    return f"within {'published' if published else 'given'} seed noise"


def audit_tables(audit: Audit) -> dict[str, Table]:
    """Every table by the stem of its files: each metric's, then what the arms can carry."""
    tables: dict[str, Table] = {}
    for metric in audit.metrics:
        stem = _stem(metric, tables)
        tables[f"differences_{stem}"] = differences_table(audit, metric)
        if metric.effects:
            tables[f"effects_{stem}"] = effects_table(metric)
    if audit.factors:
        tables["reach"] = reach_table(audit)
    if audit.missing:
        tables["missing"] = missing_table(audit)
    return tables


def differences_table(audit: Audit, metric: MetricAudit) -> Table:
    """One line an arm: its value, the difference to the reference, and what noise makes of it."""
    base, printed = audit.table.reference, metric.metric
    lines: dict[str, tuple[Cell, ...]] = {base.name: (*_NO_DIFFERENCE, "reference")}
    for reading in metric.differences:
        lines[reading.effect.subject] = (
            *_numbers(reading, printed.digits),
            noise_mark(reading, published=bool(metric.noise and metric.noise.published)),
        )
    return Table(
        title=f"{printed.label}: differences to {base.name}",
        columns=(
            Column(label="Arm", align="left"),
            Column(
                label=printed.label,
                digits=printed.digits,
                better=printed.better,
                optimum=printed.optimum,
            ),
            *_difference_columns(printed.digits),
            Column(label="Reads as", align="left"),
        ),
        rows=tuple(
            (arm.name, rounded(metric.values[arm.name], printed.digits), *lines[arm.name])
            for arm in audit.table.arms
        ),
        notes=(ONE_RUN, *_noise_notes(audit, metric)),
    )


def effects_table(metric: MetricAudit) -> Table:
    """One line an effect of switching factors on."""
    printed = metric.metric
    return Table(
        title=f"{printed.label}: effects of switching on",
        columns=(
            Column(label="Effect of", align="left"),
            Column(label="with", align="left"),
            Column(label="kind", align="left"),
            *_difference_columns(printed.digits),
        ),
        rows=tuple(
            (
                reading.effect.subject,
                reading.effect.held or None,
                reading.effect.kind,
                *_numbers(reading, printed.digits),
            )
            for reading in metric.effects
        ),
        notes=(
            "simple: on − off with the others held; main: the mean of simple effects; interaction: "
            "y(11) − y(10) − y(01) + y(00), how much one effect changes when the other factor is on.",
            "Noise of a contrast of single runs: sd of one run × √(sum of squared weights): "
            "√2 for a simple effect, 1 for a main effect and 2 for an interaction over a 2×2.",
        ),
    )


def reach_table(audit: Audit) -> Table:
    """How many differences stand behind each factor and each pair of factors."""
    rows: list[tuple[Cell, ...]] = []
    for reach in audit.factors:
        count = len(reach.held)
        rows.append(
            (
                reach.factor,
                "effect",
                f"{count} of {reach.possible}",
                _contexts(reach.held),
                "" if count != 1 else "one difference only",
            )
        )
    for pair in audit.pairs:
        needs = " and ".join(setting_words(on) for on in pair.nearest)
        rows.append(
            (
                pair.pair,
                "interaction",
                f"{len(pair.held)} of {pair.possible}",
                _contexts(pair.held),
                f"not estimable; nearest: add {needs}" if needs else "",
            )
        )
    full = not audit.missing
    return Table(
        title="What the arms can carry",
        columns=(
            Column(label="Factor", align="left"),
            Column(label="as", align="left"),
            Column(label="there"),
            Column(label="with", align="left"),
            Column(label="rests on", align="left"),
        ),
        rows=tuple(rows),
        notes=(
            f"Settings are ({', '.join(audit.table.factors)}), 1 is on. "
            "there: differences (of a factor) or 2×2 squares (of a pair) of those in the full factorial.",
            "Shapley values: "
            + ("above." if full else "not estimable, they need every arm of the full factorial."),
        ),
    )


def missing_table(audit: Audit) -> Table:
    """The arms that would complete the full factorial."""
    count = len(audit.table.factors)
    return Table(
        title=f"Missing for the full 2^{count} factorial: {_arms(len(audit.missing))}",
        columns=(
            Column(label=f"({', '.join(audit.table.factors)})", align="left"),
            Column(label="Arm", align="left"),
            Column(label="alone completes the interaction", align="left"),
        ),
        rows=tuple(
            (setting_words(arm.settings), arm.name, "; ".join(arm.gives) or None)
            for arm in audit.missing
        ),
        notes=(_estimable(count),),
    )


# --- parts ---------------------------------------------------------------------------------------

_NO_DIFFERENCE: tuple[Cell, ...] = (None, None, None, None)


def _difference_columns(digits: int) -> tuple[Column, ...]:
    return (
        Column(label="Δ", digits=digits, signed=True),
        Column(label="Δ (%)", digits=1, signed=True),
        Column(label="times noise", digits=1),
        Column(label="seeds needed"),
    )


def _numbers(reading: Reading, digits: int) -> tuple[Cell, ...]:
    return (
        Number(rounded(reading.value, digits), digits),
        None if reading.percent is None else rounded(reading.percent, 1),
        reading.times,
        reading.seeds,
    )


def _noise_notes(audit: Audit, metric: MetricAudit) -> tuple[str, ...]:
    printed, noise = metric.metric, metric.noise
    rounding = (
        f"Printed with {printed.digits} digits: rounding alone can move a difference by "
        f"{10.0**-printed.digits:.{printed.digits}f}."
    )
    if noise is None:
        return (
            f"Noise between seeds: not known for this metric; give it as --noise {printed.key}=SD (of "
            f"one run) or --noise-below {printed.key}=X.",
            rounding,
        )
    many = len(metric.differences)
    holm = f" ({sign_flip_seeds(many)} with Holm over these {many})" if many > 1 else ""
    return (
        f"Noise between seeds: {noise.stated}. A difference of two single runs has sd = √2 × sd of one run = "
        f"{noise.difference_sd:.2g} (one run: {noise.run_sd:.2g}).",
        f"seeds needed: per arm, for {100 * POWER:.0f} % power at p < {LEVEL:.2f} of a paired t test, if the "
        f"difference is as printed; sd of a paired difference = √(2(1 − r)) × sd of one run, r = "
        f"{audit.correlation:g}.",
        f"An exact sign-flip test over S seeds has no p below 2^(1−S): fewer than {sign_flip_seeds()} seeds "
        f"cannot reach p < {LEVEL:.2f}{holm}.",
        rounding,
    )


def _contexts(contexts: Sequence[str], *, most: int = 4) -> str | None:
    text = "; ".join(words or "nothing held" for words in contexts[:most])
    return f"{text}; and {len(contexts) - most} more" if len(contexts) > most else text or None


def _estimable(count: int) -> str:
    pairs = math.comb(count, 2)
    averaged = f"each the mean of {2 ** (count - 1)} differences" if count > 1 else "one difference"
    text = f"With all of them: {count} main effects, {averaged}"
    if pairs:
        squares = f", each over {2 ** (count - 2)} squares" if count > 2 else ""
        text += f"; {pairs} two-factor interaction{'s' if pairs > 1 else ''}{squares}"
    return text + "; the Shapley value of every factor."


def _arms(count: int) -> str:
    return f"{count} arm{'' if count == 1 else 's'}"


def _stem(metric: MetricAudit, tables: dict[str, Table]) -> str:
    plain = re.sub(r"[^a-z0-9]+", "_", metric.metric.key).strip("_") or "metric"
    stem, number = plain, 2
    while f"differences_{stem}" in tables:
        stem, number = f"{plain}_{number}", number + 1
    return stem
