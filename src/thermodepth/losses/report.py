"""Weigh and sum the loss terms that are on, and keep each of them per image."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from thermodepth.geometry import keep
from thermodepth.losses.maps import Maps
from thermodepth.losses.registry import LOSSES
from thermodepth.losses.settings import LossesSettings
from thermodepth.losses.term import full_precision, weight_at
from thermodepth.types import Batch, Prediction


@dataclass(frozen=True, slots=True, kw_only=True)
class LossReport:
    """The total that training descends, and what it is made of."""

    total: Tensor  # scalar: sum of the weighted means
    terms: dict[str, Tensor]  # each term before weighting, [b]; only the terms that are on
    weights: dict[str, float]  # the weights in effect at this time of the training
    #: How many images have a pixel that the term reads; of terms that read every pixel nothing.
    images: dict[str, Tensor] = field(default_factory=dict)

    def mean(self, name: str) -> Tensor:
        """Mean of a term over the images that have a pixel for it; 0 where none has."""
        values = self.terms[name]
        if name not in self.images:
            return values.mean()
        return values.mean() * _spread(self.images[name], len(values))

    def has_pixels(self, name: str) -> Tensor:
        """1 where an image has a pixel for the term, else 0: a mean of nothing is no value."""
        images = self.images.get(name)
        return torch.ones(()) if images is None else (images > 0).float()

    def means(self) -> dict[str, Tensor]:
        """Mean of each term, and the total: detached, still on the device."""
        means = {name: self.mean(name).detach() for name in self.terms}
        return {**means, "total": self.total.detach()}

    def explain_nonfinite(self, batch: Batch) -> str:
        """The first term that is not finite and its sample ids; empty if every term is finite.

        Reads the values back from the device: call it only when the total is known not to be finite.
        """
        for name, values in self.terms.items():
            bad = (~torch.isfinite(values.detach())).tolist()
            if any(bad):
                ids = [
                    sample for sample, is_bad in zip(batch.sample_ids, bad, strict=True) if is_bad
                ]
                listed = ", ".join(ids[:8]) + (f" and {len(ids) - 8} more" if len(ids) > 8 else "")
                return f"loss term '{name}' is not finite for {len(ids)} of {len(bad)} images: {listed}"
        if not bool(torch.isfinite(self.total.detach())):
            return "every loss term is finite but their weighted sum is not: a weight is too large"
        return ""


def evaluate(
    prediction: Prediction, batch: Batch, settings: LossesSettings, *, progress: float
) -> LossReport:
    """Compute the terms that are on when `progress` (0 to 1) of the training is done.

    A term that is off (its group, its weight or its schedule) is not computed. A term is averaged over the
    images that have a pixel for it: of a batch in which half of the images have no truth, the metric terms
    weigh as much as of one in which all have. Of several processes each averages over its own images.
    """
    terms: dict[str, Tensor] = {}
    weights: dict[str, float] = {}
    images: dict[str, Tensor] = {}
    masks = {"label": batch.label_valid, "depth": batch.depth_valid, "sky": batch.sky_valid}
    images_of_mask = {
        name: valid.flatten(1).any(1).sum() for name, valid in masks.items() if valid is not None
    }
    total = _connected_zero(prediction.structure) + _connected_zero(prediction.log_depth)
    for extra in (prediction.sky_logit, prediction.log_error):
        if extra is not None:
            total = total + _connected_zero(extra.flatten(1)[:, None])
    with full_precision(prediction):
        maps = Maps(prediction, batch)
        for name in settings.switched_on():
            weight = weight_at(settings.term(name), progress)
            if weight > 0.0:
                terms[name] = LOSSES[name].term(maps, settings.term(name))
                weights[name] = weight
                value = weight * terms[name]
                mask = LOSSES[name].mask or settings.term(name).also_reads()
                if mask is not None:
                    images[name] = images_of_mask[mask]
                    value = value * _spread(images[name], len(value))
                total = total + value
    return LossReport(total=total.mean(), terms=terms, weights=weights, images=images)


def _spread(images: Tensor, count: int) -> Tensor:
    """How many images of a batch there are for each that counts: exactly 1, which no bit sees, if all do."""
    return count / images.clamp(min=1)


def _connected_zero(x: Tensor) -> Tensor:
    """`[b]` zeros that lead back to the map, whatever it holds.

    So that every head has a gradient even when no term that is on reads it: distributed training
    waits for one. `keep` and not `* 0`: what is not finite must show up in a term, with its sample id.
    """
    corner = x[:, :1, :1]
    return keep(corner, torch.zeros_like(corner, dtype=torch.bool)).sum((1, 2))
