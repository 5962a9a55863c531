"""Metrics by the names that papers and other programs give them, and which way each runs.

Two lists. One knows other names of our own metrics: `a1`, `d1`, `acc_1` and `delta<1.25` are δ<1.25. The
other knows which way metrics run that we do not compute, such as iRMSE. What neither knows has no direction,
and nobody guesses one: a number without a direction gets no verdict.

`d1` is the share of pixels within 1.25 here, as monocular depth has it; stereo's share of outliers is
`D1-all`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal

from thermodepth.metrics import METRICS, MetricRow
from thermodepth.statistics.measurements import split_form

Direction = Literal["lower", "higher"]

_ALIASES: Mapping[str, Sequence[str]] = {
    "abs_rel": (
        "absrelerr", "absrelerror", "absrelative", "absoluterelative", "absreldiff", "absdiffrel",
        "absrelativedifference", "absoluterelativeerror", "rel", "arel", "are", "mre",
    ),
    "sq_rel": ("sqrelerr", "sqrelerror", "sqreldiff", "squaredrel", "squaredrelativedifference"),
    "rmse": ("rms", "rmselin", "rmselinear"),
    "rmse_log": ("logrmse", "rmslog", "logrms", "rmsle", "lrmse"),
    "silog": ("silogrmse", "silogerr", "sirmse", "sirmselog", "scinv", "scaleinvariantlog"),
    "mae": ("l1", "absdiff", "abserr", "meanabserror", "meanabsoluteerror"),
    "log10": ("log10err", "log10error", "meanlog10", "mlog10", "lg10"),
}  # fmt: skip
_LOWER = (
    "mse", "irmse", "imae", "isqrel", "iabsrel", "medae", "error", "err", "loss", "epe", "endpointerror",
    "d1all", "d1bg", "d1fg", "bad1", "bad2", "bad3", "whdr", "oe", "lpips", "fid", "nll", "ece", "ause",
    "chamfer", "tae", "opw", "dbeacc", "dbecomp", "epsacc", "epscomp", "peplan", "peori",
)  # fmt: skip
_HIGHER = (
    "acc", "accuracy", "precision", "recall", "f1", "fscore", "f1score", "bf1", "iou", "miou", "psnr", "ssim",
    "msssim", "auc", "auroc", "aurg", "ap", "map", "r2",
)  # fmt: skip
_WITHIN = r"(?:a|d|delta|acc|accuracy|thr|threshold|sigma)"
#: `a1`, `delta2`, `acc_3`, `d<1.25`, `delta1.25^2`, `thr1.25³`, `1.25**2`
_DELTA = re.compile(_WITHIN + r"([123])|" + _WITHIN + r"?<?1\.25(?:(?:\^|\*\*)?([123¹²³]))?")
_OTHER_DELTA = re.compile(_WITHIN + r"<?[1-9]\.\d+")  # δ<1.05, δ<1.1
_POWERS = {"": 1, "1": 1, "2": 2, "3": 3, "¹": 1, "²": 2, "³": 3}


def plain_name(label: str) -> str:
    """`Abs Rel ↓` and `abs_rel` are the same; a unit in brackets is left out."""
    word = re.sub(r"\(.*?\)|\[.*?\]", "", label).casefold().replace("δ", "delta")
    return re.sub(r"[\s_\-↓↑%]", "", word)


def known_metric(label: str) -> MetricRow | None:
    """Our metric of that name, in any spelling; None for one that is not ours."""
    plain = plain_name(label)
    power = _DELTA.fullmatch(plain)
    if power:
        return METRICS[f"delta_{_POWERS[power[1] or power[2] or '']}"]
    name = _NAMES.get(plain)
    return None if name is None else METRICS[name]


def direction_of(quantity: str) -> Direction | None:
    """Which way METRIC or METRIC.FORM is better; None when nobody can know by its name.

    A distance, square or spread is better small, whatever it is of, and so is a metric that should be close
    to a value, for it is compared by its distance.
    """
    metric, form = split_form(quantity)
    if form not in ("", "value"):
        return "lower"
    row = known_metric(metric)
    if row is not None:
        # Under another name than ours nobody takes the distance from the optimum.
        if row.better == "closer":
            return "lower" if metric == row.name else None
        return row.better
    plain = plain_name(metric)
    if plain in _HIGHER or _OTHER_DELTA.fullmatch(plain):
        return "higher"
    return "lower" if plain in _LOWER or plain.endswith(("error", "loss")) else None


_NAMES: Mapping[str, str] = {
    **{alias: name for name, aliases in _ALIASES.items() for alias in aliases},
    **{plain_name(row.label): row.name for row in METRICS.values()},
    **{plain_name(row.name): row.name for row in METRICS.values()},
}
