"""How quantities and numbers are printed."""

from __future__ import annotations

from typing import Literal

from thermodepth.metrics import METRICS
from thermodepth.statistics.measurements import split_form

_DIGITS = 4  # of a metric that is not ours


def label_of(metric: str) -> str:
    """`AbsRel`; METRIC.FORM with its form."""
    name, form = split_form(metric)
    label = METRICS[name].label if name in METRICS else name
    return f"{label}, {form}" if form else label


def digits_of(metric: str) -> int:
    """Of its mean."""
    name = split_form(metric)[0]
    return METRICS[name].digits if name in METRICS else _DIGITS


def quantity_of(metric: str) -> str:
    """One name for what METRIC and METRIC.FORM name alike: a metric with an optimum is its distance."""
    name, form = split_form(metric)
    if form not in ("", "value"):
        return metric
    closer = name in METRICS and METRICS[name].better == "closer"
    return f"{name}.distance" if closer and not form else name


def signed(value: float, kind: Literal["f", "g"] = "f", *, digits: int = 1) -> str:
    """`+1.4`, `−0.3`; a typographic minus. Of kind "g" three digits that count."""
    return format(value, f"+z.{digits}f" if kind == "f" else "+.3g").replace("-", "−")


def p_text(p: float) -> str:
    """`.034`, `< .001`."""
    return "< .001" if p < 0.001 else format(p, ".3f").removeprefix("0")


def p_words(p: float) -> str:
    """`p = .034`, `p < .001`."""
    return f"p {'' if p < 0.001 else '= '}{p_text(p)}"


def counted(number: int, what: str) -> str:
    """`1 seed`, `5 seeds`."""
    return f"{number} {what}{'s' * (number != 1)}"
