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
