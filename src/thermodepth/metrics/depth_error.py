"""The error family: how far predicted metres are from true metres, over the pixels of one frame.

With p the prediction, d the truth, g = ln p - ln d and E the mean over pixels, the definitions are those
of Eigen et al. 2014 (arXiv 1406.2283, section 4.2) as BTS, NeWCRFs, ZoeDepth and monodepth2 compute them.
Where published code disagrees the choice is named in the row: SqRel divides by d (Eigen), not by d^2
(KITTI development kit); RMSElog and SILog use the natural logarithm; SILog takes the whole mean out
(lambda = 1) and is times 100; the delta thresholds are strict.
"""

from __future__ import annotations

import numpy as np

from thermodepth.metrics.row import MetricRow, Pixels, scored_pixels

_EIGEN = "Eigen et al. 2014, arXiv 1406.2283"


def abs_rel(prediction_m: Pixels, truth_m: Pixels) -> float:
    """E |p - d| / d."""
    p, d = scored_pixels(prediction_m, truth_m)
    return float(np.mean(np.abs(p - d) / d))


def sq_rel(prediction_m: Pixels, truth_m: Pixels) -> float:
    """E (p - d)^2 / d, in metres."""
    p, d = scored_pixels(prediction_m, truth_m)
    return float(np.mean(np.square(p - d) / d))


def rmse(prediction_m: Pixels, truth_m: Pixels) -> float:
    """sqrt(E (p - d)^2), in metres."""
    p, d = scored_pixels(prediction_m, truth_m)
    return float(np.sqrt(np.mean(np.square(p - d))))


def rmse_log(prediction_m: Pixels, truth_m: Pixels) -> float:
    """sqrt(E g^2), natural logarithm."""
    p, d = scored_pixels(prediction_m, truth_m)
    return float(np.sqrt(np.mean(np.square(np.log(p) - np.log(d)))))


def silog(prediction_m: Pixels, truth_m: Pixels) -> float:
    """100 sqrt(E (g - E g)^2), which is 100 sqrt(E g^2 - (E g)^2) without its cancellation.

    The textbook difference loses every digit once the scale error is large against the spread, and
    may even come out negative. One pixel has no spread: it is refused, not scored as perfect.
    """
    p, d = scored_pixels(prediction_m, truth_m, least=2)
    g = np.log(p) - np.log(d)
    return float(100.0 * np.sqrt(np.mean(np.square(g - g.mean()))))


def mae(prediction_m: Pixels, truth_m: Pixels) -> float:
    """E |p - d|, in metres."""
    p, d = scored_pixels(prediction_m, truth_m)
    return float(np.mean(np.abs(p - d)))


def log10(prediction_m: Pixels, truth_m: Pixels) -> float:
    """E |log10 p - log10 d|."""
    p, d = scored_pixels(prediction_m, truth_m)
    return float(np.mean(np.abs(np.log10(p) - np.log10(d))))


def delta_1(prediction_m: Pixels, truth_m: Pixels) -> float:
    """The fraction of pixels with max(p/d, d/p) < 1.25."""
    return _within(prediction_m, truth_m, factor=1.25)


def delta_2(prediction_m: Pixels, truth_m: Pixels) -> float:
    """The fraction of pixels with max(p/d, d/p) < 1.25^2."""
    return _within(prediction_m, truth_m, factor=1.25**2)


def delta_3(prediction_m: Pixels, truth_m: Pixels) -> float:
    """The fraction of pixels with max(p/d, d/p) < 1.25^3."""
    return _within(prediction_m, truth_m, factor=1.25**3)


def _within(prediction_m: Pixels, truth_m: Pixels, *, factor: float) -> float:
    p, d = scored_pixels(prediction_m, truth_m)
    # The powers of 1.25 are exact in binary, so "strict" means what it says at the threshold.
    return float(np.mean(np.maximum(p / d, d / p) < factor))


DEPTH_ERROR = (
    MetricRow(
        name="abs_rel",
        function=abs_rel,
        unit="",
        better="lower",
        label="AbsRel",
        digits=4,
        definition="mean |p - d| / d",
        source=_EIGEN,
        optimum=0.0,
    ),
    MetricRow(
        name="sq_rel",
        function=sq_rel,
        unit="m",
        better="lower",
        label="SqRel",
        digits=4,
        definition="mean (p - d)^2 / d (not / d^2, as the KITTI development kit has it)",
        source=_EIGEN,
        optimum=0.0,
    ),
    MetricRow(
        name="rmse",
        function=rmse,
        unit="m",
        better="lower",
        label="RMSE",
        digits=3,
        definition="sqrt(mean (p - d)^2)",
        source=_EIGEN,
        optimum=0.0,
    ),
    MetricRow(
        name="rmse_log",
        function=rmse_log,
        unit="",
        better="lower",
        label="RMSElog",
        digits=4,
        definition="sqrt(mean g^2), g = ln p - ln d",
        source=_EIGEN,
        optimum=0.0,
    ),
    MetricRow(
        name="silog",
        function=silog,
        unit="",
        better="lower",
        label="SILog",
        digits=2,
        definition="100 sqrt(mean g^2 - (mean g)^2), g = ln p - ln d, computed centred",
        source=f"{_EIGEN}; the factor 100 from the KITTI benchmark",
        optimum=0.0,
        scale_invariant=True,
        least_pixels=2,
    ),
    MetricRow(
        name="delta_1",
        function=delta_1,
        unit="",
        better="higher",
        label="δ<1.25",
        digits=4,
        definition="fraction of pixels with max(p/d, d/p) < 1.25, strictly",
        source=_EIGEN,
        optimum=1.0,
    ),
    MetricRow(
        name="delta_2",
        function=delta_2,
        unit="",
        better="higher",
        label="δ<1.25²",
        digits=4,
        definition="fraction of pixels with max(p/d, d/p) < 1.25^2, strictly",
        source=_EIGEN,
        optimum=1.0,
    ),
    MetricRow(
        name="delta_3",
        function=delta_3,
        unit="",
        better="higher",
        label="δ<1.25³",
        digits=4,
        definition="fraction of pixels with max(p/d, d/p) < 1.25^3, strictly",
        source=_EIGEN,
        optimum=1.0,
    ),
    MetricRow(
        name="mae",
        function=mae,
        unit="m",
        better="lower",
        label="MAE",
        digits=3,
        definition="mean |p - d|",
        source="Uhrig et al. 2017 (KITTI depth completion), arXiv 1708.06500",
        optimum=0.0,
    ),
    MetricRow(
        name="log10",
        function=log10,
        unit="",
        better="lower",
        label="log10",
        digits=4,
        definition="mean |log10 p - log10 d|",
        source="Saxena et al. 2009 (Make3D), IEEE TPAMI 31(5)",
        optimum=0.0,
    ),
)
