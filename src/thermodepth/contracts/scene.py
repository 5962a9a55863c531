"""A small scene of random maps in float64 that loss terms are tried on, and its variations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import torch
from torch import Tensor

from thermodepth.losses import LossRow
from thermodepth.losses.relative_error import RelativeErrorSettings
from thermodepth.types import Batch, Prediction

MAPS = tuple(f.name for f in fields(Prediction))


def scene(images: int = 3, rows: int = 12, columns: int = 16) -> tuple[Prediction, Batch]:
    """A bumpy scene in float64 and a prediction that is off by a little everywhere."""
    draw = torch.Generator().manual_seed(1)

    def noise() -> Tensor:
        return torch.randn(images, rows, columns, generator=draw, dtype=torch.float64)

    log_depth = 2.0 + noise().cumsum(1).cumsum(2) / 20
    batch = Batch(
        image=(log_depth + 0.3 * noise())[:, None].sigmoid(),
        depth_m=log_depth.exp(),
        depth_valid=noise() > -0.5,
        label=3.0 * (-log_depth).exp() + 0.1 + 0.02 * noise(),
        label_valid=noise() > -1.0,
        intrinsics=torch.eye(3).expand(images, 3, 3),
        sample_ids=tuple(f"sample{i}" for i in range(images)),
        sky=torch.zeros_like(log_depth, dtype=torch.bool),
        sky_valid=noise() > -1.5,
    )
    batch = replace(batch, sky=(log_depth > 2.2) & ~batch.depth_valid)
    prediction = Prediction(
        structure=2.0 * (-log_depth).exp() - 0.4 + 0.05 * noise(),
        log_depth=log_depth + 0.1 * noise() + 0.2,
        sky_logit=log_depth - 2.5 + noise(),
        log_error=torch.stack([-2.0 + 0.1 * noise(), -1.2 + 0.1 * noise()], dim=1),
    )
    return prediction, batch


def cast(prediction: Prediction, batch: Batch, dtype: torch.dtype) -> tuple[Prediction, Batch]:
    """The same with floating maps in another type."""

    def convert(record: Any) -> Any:
        changed = {
            f.name: getattr(record, f.name).to(dtype)
            for f in fields(record)
            if isinstance(getattr(record, f.name), Tensor)
            and getattr(record, f.name).is_floating_point()
        }
        return replace(record, **changed)

    return convert(prediction), convert(batch)


def scene32() -> tuple[Prediction, Batch]:
    """`scene` in float32."""
    return cast(*scene(), torch.float32)


def maps_of(prediction: Prediction) -> list[Tensor]:
    """Every map of the prediction, as `[b n h w]` or `[b h w]`."""
    return [getattr(prediction, name) for name in MAPS]


def with_maps(maps: Sequence[Tensor]) -> Prediction:
    """The prediction whose `maps_of` these are."""
    return Prediction(**dict(zip(MAPS, maps, strict=True)))


def leaves(prediction: Prediction) -> Prediction:
    """Copies that collect gradients."""
    return with_maps([x.detach().clone().requires_grad_() for x in maps_of(prediction)])


def value_and_gradients(
    row: LossRow, prediction: Prediction, batch: Batch, edits: Mapping[str, Any] | None = None
) -> tuple[Tensor, ...]:
    """The term, and the gradient of its sum w.r.t. every map (0 where unused), each `[b ... h w]`."""
    prediction = leaves(prediction)
    value = row.function(prediction, batch, row.settings().edit(edits or {}))
    inputs = maps_of(prediction)
    gradients = torch.autograd.grad(value.sum(), inputs, allow_unused=True)
    filled = [
        torch.zeros_like(x) if g is None else g for x, g in zip(inputs, gradients, strict=True)
    ]
    return value.detach(), *filled


def masks_set(batch: Batch, valid: Tensor) -> Batch:
    """The batch with every mask replaced."""
    return replace(batch, label_valid=valid, depth_valid=valid, sky_valid=valid)


def where_valid(valid: Tensor, x: Tensor, junk: float) -> Tensor:
    """The map with junk outside the mask."""
    return torch.where(valid if x.ndim == 3 else valid[:, None], x, junk)


def perfect(batch: Batch, *, structure: Tensor) -> Prediction:
    """What is right about everything, of a batch whose depth is right everywhere, so that nothing is sky."""
    floor = RelativeErrorSettings().floor
    return Prediction(
        structure=structure,
        log_depth=batch.depth_m.log(),
        sky_logit=torch.full_like(batch.depth_m, -60.0),
        log_error=torch.full_like(batch.depth_m, floor).log()[:, None].expand(-1, 2, -1, -1),
    )


def changed(
    change: str, prediction: Prediction, batch: Batch, bend: float
) -> tuple[Prediction, Batch]:
    """Apply an invariance; `bend` adds a curve, another in every column, which no term may forgive."""

    def curve(x: Tensor) -> Tensor:
        column = torch.arange(x.shape[-1], dtype=x.dtype)
        return bend * x.square() * column.cos()

    def affine(x: Tensor) -> Tensor:
        return 1.7 * x + 0.6 + curve(x)

    structure, log_depth, ln3 = prediction.structure, prediction.log_depth, 1.0986123
    if change == "structure_affine":
        return replace(prediction, structure=affine(structure)), batch
    if change == "label_affine":
        return prediction, replace(batch, label=affine(batch.label))
    if change == "image_affine":
        return prediction, replace(batch, image=affine(batch.image))
    scaled = replace(prediction, log_depth=log_depth + ln3 + curve(log_depth))
    if change == "depth_scale":
        return scaled, batch
    if change == "depth_exchange":
        swapped = replace(prediction, log_depth=batch.depth_m.log() + curve(log_depth))
        return swapped, replace(batch, depth_m=log_depth.exp())
    assert change == "unit_of_length", change
    return scaled, replace(batch, depth_m=batch.depth_m * 3.0)
