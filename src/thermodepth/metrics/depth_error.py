"""The error family: how far predicted metres are from true metres, over the pixels of one frame.

With p the prediction, d the truth, g = ln p - ln d and E the mean over pixels, the definitions are those
of Eigen et al. 2014 (arXiv 1406.2283, section 4.2) as BTS, NeWCRFs, ZoeDepth and monodepth2 compute them.
Where published code disagrees both are here or the choice is named in the row: SqRel divides by d (Eigen),
SqRel-KITTI by d^2; RMSElog and SILog use the natural logarithm; SILog takes the whole mean out (lambda = 1)
and is times 100; the delta thresholds are strict.
"""

from __future__ import annotations

import numpy as np

from thermodepth.metrics.row import ErrorRow

_EIGEN = "Eigen et al. 2014, arXiv 1406.2283"

# The powers of 1.25 are exact in binary, so "strict" means what it says at the threshold.
DEPTH_ERROR = (
    ErrorRow(
        name="abs_rel",
        compute=lambda e: e.mean(e.relative),
        unit="",
        better="lower",
        label="AbsRel",
        digits=4,
        definition="mean |p - d| / d",
        source=_EIGEN,
        optimum=0.0,
    ),
    ErrorRow(
        name="sq_rel",
        compute=lambda e: e.mean(e.square / e.d),
        unit="m",
        better="lower",
        label="SqRel",
        digits=4,
        definition="mean (p - d)^2 / d",
        source=_EIGEN,
        optimum=0.0,
    ),
    ErrorRow(
        name="sq_rel_kitti",
        compute=lambda e: e.mean(np.square(e.relative)),
        unit="",
        better="lower",
        label="SqRel-KITTI",
        digits=4,
        definition="mean (p - d)^2 / d^2",
        source="the KITTI depth development kit",
        optimum=0.0,
    ),
    ErrorRow(
        name="rmse",
        compute=lambda e: np.sqrt(e.mean(e.square)),
        unit="m",
        better="lower",
        label="RMSE",
        digits=3,
        definition="sqrt(mean (p - d)^2)",
        source=_EIGEN,
        optimum=0.0,
        pooling="square",
    ),
    ErrorRow(
        name="rmse_log",
        compute=lambda e: np.sqrt(e.log_variance + np.square(e.log_mean)),
        unit="",
        better="lower",
        label="RMSElog",
        digits=4,
        definition="sqrt(mean g^2), g = ln p - ln d",
        source=_EIGEN,
        optimum=0.0,
        pooling="square",
    ),
    ErrorRow(
        name="silog",
        compute=lambda e: 100.0 * np.sqrt(e.log_variance),
        unit="",
        better="lower",
        label="SILog",
        digits=2,
        definition="100 sqrt(mean g^2 - (mean g)^2), g = ln p - ln d, computed centred",
        source=f"{_EIGEN}; the factor 100 from the KITTI benchmark",
        optimum=0.0,
        scale_invariant=True,
        least_pixels=2,
        pooling="spread",
    ),
    ErrorRow(
        name="delta_1",
        compute=lambda e: e.mean(e.ratio < 1.25),
        unit="",
        better="higher",
        label="δ<1.25",
        digits=4,
        definition="fraction of pixels with max(p/d, d/p) < 1.25, strictly",
        source=_EIGEN,
        optimum=1.0,
    ),
    ErrorRow(
        name="delta_2",
        compute=lambda e: e.mean(e.ratio < 1.25**2),
        unit="",
        better="higher",
        label="δ<1.25²",
        digits=4,
        definition="fraction of pixels with max(p/d, d/p) < 1.25^2, strictly",
        source=_EIGEN,
        optimum=1.0,
    ),
    ErrorRow(
        name="delta_3",
        compute=lambda e: e.mean(e.ratio < 1.25**3),
        unit="",
        better="higher",
        label="δ<1.25³",
        digits=4,
        definition="fraction of pixels with max(p/d, d/p) < 1.25^3, strictly",
        source=_EIGEN,
        optimum=1.0,
    ),
    ErrorRow(
        name="mae",
        compute=lambda e: e.mean(e.absolute),
        unit="m",
        better="lower",
        label="MAE",
        digits=3,
        definition="mean |p - d|",
        source="Uhrig et al. 2017 (KITTI depth completion), arXiv 1708.06500",
        optimum=0.0,
    ),
    ErrorRow(
        name="log10",
        compute=lambda e: e.mean(np.abs(e.log_ratio)) / np.log(10.0),
        unit="",
        better="lower",
        label="log10",
        digits=4,
        definition="mean |log10 p - log10 d|",
        source="Saxena et al. 2009 (Make3D), IEEE TPAMI 31(5)",
        optimum=0.0,
    ),
    ErrorRow(
        name="log_bias",
        compute=lambda e: e.log_mean,
        unit="",
        better="closer",
        label="log bias",
        digits=4,
        definition="mean g, g = ln p - ln d: +0.1 is 10 % too far",
        source=_EIGEN,
        optimum=0.0,
    ),
)
