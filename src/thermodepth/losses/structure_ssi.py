"""The structural map agrees with the teacher's label up to factor and offset.

    mean over valid i of |R_i|, the worst `trim` of the residuals of each image left out

    form            R                                                        N(x), m the median of x
    trimmed         N(s) - N(t)                                              (x - m) / mean|x - m|
    median_mad      N(s) - N(t)                                              (x - m) / median|x - m|
    least_squares   a s + b - N(t), (a, b) with the least sum of R^2         as in `trimmed`

The teacher is wrong somewhere in every image; the trim keeps those pixels from steering. It is approximate:
the cut is found by ten halvings (`quantile_threshold`), not by a sort, and the value is a lower bound of the
exact mean, off by less than 1e-4 of it on 96x128 residuals with normal tails.

`trimmed` is what MiDaS and its descendants (DPT, NVDS, Depth Anything) do. Their mean absolute deviation is
pulled by the few nearest pixels; a median deviation is not, but is 0 of a map that is flat over half of its
pixels, so a tenth of the mean one is its least. Where the best factor `a` is not positive the structure is
upside down, and a fit would either like that or be flat; there N(s) takes the place of a s + b and turns it.
Sources: `trimmed`, MiDaS (Ranftl et al., 2020), eq. 7 with the median normalisation of section 5;
`least_squares`, the other alignment of that paper, with an absolute residual; `median_mad`, Hampel (1974).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import torch
from torch import Tensor

from thermodepth.geometry import align_affine, keep, normalise, trimmed_mean, weights_of
from thermodepth.losses.maps import Maps
from thermodepth.losses.term import NonNegative, TermSettings, Trim

SsiForm = Literal["trimmed", "median_mad", "least_squares"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FormRow:
    """One form of the term."""

    summary: str  # one line for the documentation
    formula: str  # for the documentation
    source: str
    residual: Callable[[Maps], Tensor]  # [b h w], 0 where the label is not valid


def _of_median_deviations(maps: Maps) -> Tensor:
    valid = maps.batch.label_valid
    structure = normalise(maps.structure, valid, deviation="median")
    return structure - normalise(maps.batch.label, valid, deviation="median")


def _of_least_squares(maps: Maps) -> Tensor:
    valid = maps.batch.label_valid
    structure = keep(maps.structure, valid)
    fit = align_affine(structure, maps.label(), valid)
    aligned = fit.apply(structure) * weights_of(structure, valid)
    right_way_up = fit.positive[:, None, None]
    return torch.where(right_way_up, aligned, maps.structure_on_label()) - maps.label()


FORMS: Mapping[SsiForm, FormRow] = MappingProxyType(
    {
        "trimmed": FormRow(
            summary="both at a mean absolute deviation of 1",
            formula="N(s) − N(t), N(x) = (x − median x) / mean abs(x − median x)",
            source="MiDaS (Ranftl et al. 2020)",
            residual=Maps.label_residual,
        ),
        "median_mad": FormRow(
            summary="both at a median absolute deviation of 1",
            formula="N(s) − N(t), N(x) = (x − median x) / median abs(x − median x)",
            source="Hampel (1974)",
            residual=_of_median_deviations,
        ),
        "least_squares": FormRow(
            summary="the structure fitted to the label",
            formula="a s + b − N(t), a and b of least squares; N(s) where a is not positive",
            source="MiDaS, its other alignment",
            residual=_of_least_squares,
        ),
    }
)


class StructureSsiSettings(TermSettings):
    """Settings of `structure_ssi`."""

    later = frozenset({"form"})

    weight: NonNegative = 0.5
    trim: Trim = 0.2  # share of the worst residuals left out
    form: SsiForm = "trimmed"


def structure_ssi(maps: Maps, settings: StructureSsiSettings) -> Tensor:
    """`[b]`, in units of the label's own deviation."""
    residual = FORMS[settings.form].residual(maps)
    return trimmed_mean(residual.abs(), maps.batch.label_valid, settings.trim)
