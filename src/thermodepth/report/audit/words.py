"""The audit in sentences: one for every difference and effect, and what they mean together."""

from __future__ import annotations

import math
from collections import defaultdict
from fractions import Fraction

from thermodepth.report.audit.tables import rounded, signed
from thermodepth.report.table import Table
from thermodepth.statistics.audit.audit import Audit, MetricAudit, Reading
from thermodepth.statistics.audit.effects import setting_words
from thermodepth.statistics.audit.noise import chance

#: From so many times the noise on, two runs of one configuration hardly ever differ as much.
CLEAR = 2.0
#: RMSE / AbsRel is about a distance. 4.863 / 0.115 on KITTI (Monodepth2), 0.364 / 0.103 on NYU (AdaBins).
_DRIVING, _ROOM = 15, 8

Section = tuple[str, list[str]]  # heading, sentences


def audit_words(audit: Audit) -> list[Section]:
    """What can be said, section by section."""
    sections = [
        (
            f"{m.metric.label}: what can be said",
            [_difference(audit, m, reading) for reading in m.differences]
            + [
                _effect(m, reading)
                for reading in m.effects
                if reading.effect.kind in ("main", "interaction")
            ]
            + _turns(m),
        )
        for m in audit.metrics
    ]
    design = _design(audit) + _hint(audit)
    return [*sections, ("The design", design)] if design else sections


def verdict(reading: Reading) -> str:
    """What one run an arm says of a difference."""
    if not reading.value:
        return "no difference as printed"
    times = reading.times
    if times is None:
        return "noise not known, so one run cannot tell"
    if reading.within_noise:
        return f"cannot be told from seed noise ({times:.1f} times)"
    least = math.floor(10 * times) / 10
    if times < CLEAR:
        return (
            f"{least:.1f} times the noise; one run does not settle it, as identical arms give as "
            f"much in {100 * chance(times):.0f} % of cases"
        )
    return f"larger than {least:.1f} times the noise"


def audit_page(audit: Audit, tables: dict[str, Table]) -> str:
    """Everything as one markdown page."""
    lines = [f"# Audit of {audit.table.name}", "", *head_lines(audit), ""]
    for heading, sentences in audit_words(audit):
        lines += [f"## {heading}", "", *(f"- {sentence}" for sentence in sentences), ""]
    return "\n".join(lines) + "\n" + "\n".join(table.markdown() for table in tables.values())


def head_lines(audit: Audit) -> list[str]:
    """What was read."""
    table = audit.table
    factors = f"factors {', '.join(table.factors)}" if table.factors else "no factors"
    lines = [f"{len(table.arms)} arms, one run each; {factors}; reference: {table.reference.name}"]
    return [table.source, *lines] if table.source else lines


# --- sentences -----------------------------------------------------------------------------------


def _difference(audit: Audit, metric: MetricAudit, reading: Reading) -> str:
    table, printed = audit.table, metric.metric
    arm = reading.effect.subject
    worse = printed.worse_by(metric.values[arm], metric.values[table.reference.name])
    word = "worse" if worse > 0 else "better" if worse < 0 else "equal"
    return f"{arm}: {_amount(metric, reading)}, {word}: {verdict(reading)}"


def _effect(metric: MetricAudit, reading: Reading) -> str:
    effect = reading.effect
    held = f" ({effect.held})" if effect.held else ""
    kind = "main effect" if effect.kind == "main" else "interaction"
    return f"{effect.subject}, {kind}{held}: {_amount(metric, reading)}: {verdict(reading)}"


def _amount(metric: MetricAudit, reading: Reading) -> str:
    text = signed(reading.value, metric.metric.digits)
    if reading.percent is None:
        return text
    return f"{text} ({signed(reading.percent, 1)} %)"


def _turns(metric: MetricAudit) -> list[str]:
    """Factors that help at one setting of the others and hurt at another."""
    simple: defaultdict[str, list[Reading]] = defaultdict(list)
    for reading in metric.effects:
        if reading.effect.kind == "simple":
            simple[reading.effect.subject].append(reading)
    sentences = []
    for factor, readings in simple.items():
        low = min(readings, key=lambda reading: reading.value)
        high = max(readings, key=lambda reading: reading.value)
        if low.value < 0 < high.value:
            digits = metric.metric.digits
            sentences.append(
                f"{factor} changes sign, as printed: {signed(low.value, digits)} with {low.effect.held}, "
                f"{signed(high.value, digits)} with {high.effect.held}; no corner speaks for the factor"
            )
    return sentences


def _design(audit: Audit) -> list[str]:
    if not audit.table.factors:
        return []
    lines = []
    single = [reach.factor for reach in audit.factors if len(reach.held) == 1]
    if single:
        lines.append(f"{_list(single)}: the effect rests on one difference only")
    never = [reach.factor for reach in audit.factors if not reach.held]
    if never:
        lines.append(f"{_list(never)}: never switched alone, so no effect of its own")
    lacking = [pair.pair for pair in audit.pairs if not pair.held]
    if lacking:
        lines.append(f"not estimable: {_list(lacking)}, the interactions without a 2×2")
    if audit.missing:
        missing = ", ".join(setting_words(arm.settings) for arm in audit.missing)
        lines.append(
            f"missing for the full factorial, as ({', '.join(audit.table.factors)}): {missing}"
        )
    else:
        lines.append("a full factorial: main effects, interactions and Shapley values are above")
    return lines


def _hint(audit: Audit) -> list[str]:
    """What the sizes say of the unit, which published tables often leave out."""
    base = {m.metric.key: m.values[audit.table.reference.name] for m in audit.metrics}
    relative, rmse = base.get("abs_rel", Fraction(0)), base.get("rmse", Fraction(0))
    if relative <= 0 or rmse <= 0:
        return []
    ratio = rmse / relative
    fits = (
        "metres at room range, or depth divided by its mean; not driving data in metres"
        if ratio < _ROOM
        else "driving data in metres"
        if ratio > _DRIVING
        else "metres at middle range"
    )
    return [
        f"RMSE / AbsRel of the reference = {rounded(ratio, 1):.1f}: fits {fits} "
        "(published: about 42 on KITTI to 80 m, 3.5 in rooms to 10 m)"
    ]


def _list(names: list[str]) -> str:
    return ", ".join(names)
