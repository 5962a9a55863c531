"""How a quantity is printed."""

from __future__ import annotations

from thermodepth.metrics import METRICS

_DIGITS = 4  # of a metric that is not ours


def label_of(metric: str) -> str:
    """`AbsRel`; METRIC.FORM with its form."""
    name, _, form = metric.partition(".")
    label = METRICS[name].label if name in METRICS else name
    return f"{label}, {form}" if form else label


def digits_of(metric: str) -> int:
    """Of its mean."""
    name = metric.partition(".")[0]
    return METRICS[name].digits if name in METRICS else _DIGITS


def quantity_of(metric: str) -> str:
    """One name for what METRIC and METRIC.FORM name alike: a metric with an optimum is its distance."""
    name, _, form = metric.partition(".")
    if form not in ("", "value"):
        return metric
    closer = name in METRICS and METRICS[name].better == "closer"
    return f"{name}.distance" if closer and not form else name
