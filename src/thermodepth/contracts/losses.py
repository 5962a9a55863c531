"""What every loss term promises. A check takes a row, or the row as if another form were its default."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from itertools import product
from typing import Any, get_args, get_origin

import torch
from pydantic import create_model
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from thermodepth.contracts.contract import Contract, require
from thermodepth.contracts.scene import (
    MAPS,
    cast,
    changed,
    leaves,
    maps_of,
    masks_set,
    perfect,
    scene,
    scene32,
    value_and_gradients,
    where_valid,
    with_maps,
)
from thermodepth.errors import SettingsError
from thermodepth.losses import Form, LossRow
from thermodepth.types import Batch

JUNK = (float("nan"), float("inf"), float("-inf"), 1e30)


def with_form(row: LossRow, form: Form) -> LossRow:
    """The row as if one of its other forms were its default."""
    defaults: dict[str, Any] = {
        name: (row.settings.model_fields[name].annotation, value)
        for name, value in form.edits.items()
    }
    return replace(
        row,
        settings=create_model("Form", __base__=row.settings, **defaults),
        invariances=tuple(
            each
            for each in row.invariances
            if all(each.when.get(name, value) == value for name, value in form.edits.items())
        ),
        least_at_truth=row.least_at_truth and form.least_at_truth,
        partial=row.partial + form.partial,
    )


def forms_of(row: LossRow) -> dict[str, LossRow]:
    """The row in each of its forms, by a name for people."""
    forms = {row.name: row}
    for form in row.forms:
        forms[f"{row.name}-{'-'.join(map(str, form.edits.values()))}"] = with_form(row, form)
    return forms


# --- values --------------------------------------------------------------------------------------


def one_value_per_image(row: LossRow) -> None:
    """It gives `[b]` in float32, one value per image, above the minimum on a scene that is not perfect."""
    prediction, batch = scene32()
    value = row.function(prediction, batch, row.settings())
    require(value.shape == (3,), f"{list(value.shape)} for 3 images, expected [3]")
    require(value.dtype == torch.float32, f"{value.dtype} for float32 maps, expected torch.float32")
    least = row.settings().minimum()
    require(
        (value > least).all(), f"{value.tolist()} on a scene with errors, expected above {least}"
    )


def minimum_on_a_perfect_flat_scene(row: LossRow) -> None:
    """On a flat scene that is predicted perfectly it has its minimum, and a finite gradient."""
    _, batch = scene32()
    flat = torch.ones_like(batch.depth_m)
    batch = replace(batch, depth_m=5.0 * flat, label=0.3 * flat, image=flat[:, None], sky=flat < 0)
    _has_the_minimum(row, batch, structure=-2.0 * flat, tolerance=1e-6)


def minimum_on_a_perfect_scene(row: LossRow) -> None:
    """On any scene that is predicted perfectly it has its minimum, and a finite gradient."""
    _, batch = scene32()
    batch = replace(batch, label=0.7 / batch.depth_m - 3.0, sky=batch.depth_m < 0)
    _has_the_minimum(row, batch, structure=2.0 / batch.depth_m + 1.0, tolerance=1e-4)


def _has_the_minimum(row: LossRow, batch: Batch, *, structure: Tensor, tolerance: float) -> None:
    value, *gradients = value_and_gradients(row, perfect(batch, structure=structure), batch)
    least = row.settings().minimum()
    require(
        ((value - least).abs() <= tolerance).all(),
        f"{value.tolist()} where everything is right, expected its minimum {least}",
    )
    require(all(g.isfinite().all() for g in gradients), "a gradient there is not finite")


# --- masks ---------------------------------------------------------------------------------------


def empty_mask_gives_a_connected_zero(row: LossRow) -> None:
    """An image without a valid pixel costs exactly 0, with a gradient of 0 and not without one."""
    prediction, batch = scene32()
    full = value_and_gradients(row, prediction, batch)
    some = batch.label_valid & batch.depth_valid
    some[1] = False
    empty = value_and_gradients(row, prediction, masks_set(batch, some))
    value = row.function(leaves(prediction), masks_set(batch, some), row.settings())
    require(value.requires_grad, "its value has no way back to the maps")
    require(empty[0][1] == 0.0, f"{float(empty[0][1]):g} for an image without a valid pixel")
    require((empty[0][[0, 2]] > 0).all(), "images beside it cost nothing")
    require(
        all((g[1] == 0).all() and g.isfinite().all() for g in empty[1:]),
        "the image without a valid pixel has a gradient, or one is not finite",
    )
    require(any((g[1] != 0).any() for g in full[1:]), "no gradient with the full mask")


def no_mask_reads_no_truth(row: LossRow) -> None:
    """A term without a mask depends on neither truth, label nor sky, but for what it says to read also."""
    prediction, batch = scene32()
    nothing = torch.zeros_like(batch.label_valid)
    blind = replace(
        masks_set(batch, nothing),
        label=batch.label * torch.nan,
        depth_m=batch.depth_m * torch.nan,
        sky=nothing,
    )
    if row.settings().also_reads() == "label":
        blind = replace(blind, label=batch.label, label_valid=batch.label_valid)
    if row.settings().also_reads() == "depth":
        blind = replace(blind, depth_m=batch.depth_m, depth_valid=batch.depth_valid)
    before = value_and_gradients(row, prediction, batch)
    after = value_and_gradients(row, prediction, blind)
    same = all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    require(same, "value or gradient change when the truth is taken away; declare its mask")


def one_valid_pixel_is_finite(row: LossRow) -> None:
    """With one valid pixel, on maps down to one pixel, value and gradient are finite."""
    # At (35, 26) of the large one the grid of a median misses the pixel.
    for size in ((12, 16), (1, 16), (12, 1), (1, 1), (70, 80)):
        prediction, batch = cast(*scene(3, *size), torch.float32)
        one = torch.zeros_like(batch.label_valid)
        one[:, size[0] // 2, size[1] // 3] = True
        value, *gradients = value_and_gradients(row, prediction, masks_set(batch, one))
        require(value.isfinite().all(), f"{value.tolist()} on maps of {size[0]}x{size[1]}")
        require(
            all(g.isfinite().all() for g in gradients),
            f"a gradient on maps of {size[0]}x{size[1]} is not finite",
        )


def junk_under_the_mask_changes_nothing(row: LossRow) -> None:
    """NaN, infinity or 1e30 where the mask is off change neither value nor gradient, not by a bit.

    In the truth and the label under their own masks; in the prediction under the mask of a term that has one.
    """
    for junk in JUNK:
        prediction, batch = scene32()
        everywhere = torch.ones_like(batch.depth_valid)
        valid = everywhere if row.mask is None else getattr(batch, f"{row.mask}_valid")
        spoilt_batch = replace(
            batch,
            label=torch.where(batch.label_valid, batch.label, junk),
            depth_m=torch.where(batch.depth_valid, batch.depth_m, junk),
        )
        spoilt = with_maps([where_valid(valid, x, junk) for x in maps_of(prediction)])
        clean = value_and_gradients(row, prediction, batch)
        dirty = value_and_gradients(row, spoilt, spoilt_batch)
        same = all(torch.equal(a, b) for a, b in zip(clean, dirty, strict=True))
        require(same, f"{junk} where the mask '{row.mask}' is off changes value or gradient")
        leak = any((where_valid(~valid, g, 0.0) != 0).any() for g in dirty[1:])
        require(not leak, f"pixels where the mask '{row.mask}' is off have a gradient")


def a_fault_is_seen_in_its_image_only(row: LossRow) -> None:
    """NaN or infinity at a valid pixel makes that image's value not finite, and no other's."""
    prediction, batch = scene32()
    assert batch.sky_valid is not None
    valid = batch.label_valid & batch.depth_valid & batch.sky_valid
    places = [valid[1].nonzero()[7]]
    if row.mask is None:  # every pixel is valid to it
        places.append((~valid)[1].nonzero()[7])
    clean = row.function(prediction, batch, row.settings())
    for place, fault in product(places, (float("nan"), float("inf"))):
        prediction, batch = scene32()
        for x in maps_of(prediction):
            x[1, ..., place[0], place[1]] = fault
        value = row.function(prediction, batch, row.settings())
        require(not value[1].isfinite(), f"{fault} at a valid pixel costs {float(value[1]):g}")
        require(torch.equal(value[[0, 2]], clean[[0, 2]]), f"{fault} in one image moves another's")


def images_are_independent(row: LossRow) -> None:
    """An image costs in a batch what it costs alone, and has no gradient on the others."""
    prediction, batch = scene32()
    together = row.function(prediction, batch, row.settings())
    for i in range(3):
        alone = row.function(
            with_maps([x[i : i + 1] for x in maps_of(prediction)]),
            Batch(**{f.name: getattr(batch, f.name)[i : i + 1] for f in fields(batch)}),
            row.settings(),
        )
        one, other = alone[0].item(), together[i].item()
        require(abs(one - other) <= 1e-6 * abs(other), f"{one:g} alone and {other:g} in a batch")
    inputs = leaves(prediction)
    value = row.function(inputs, batch, row.settings())
    maps = maps_of(inputs)
    gradients = [g for g in torch.autograd.grad(value[1], maps, allow_unused=True) if g is not None]
    require(any((g[1] != 0).any() for g in gradients), "an image's value has no gradient on it")
    require(all((g[[0, 2]] == 0).all() for g in gradients), "an image pulls at another one")


# --- what the row declares -----------------------------------------------------------------------


def declared_invariances_hold(row: LossRow) -> None:
    """What it says to forgive it forgives, and it reads what was changed."""
    for invariance in row.invariances:
        settings = row.settings().edit(dict(invariance.when))
        prediction, batch = scene32()
        before = row.function(prediction, batch, settings)
        after = row.function(*changed(invariance.change, prediction, batch, 0.0), settings)
        name = " ".join([invariance.change, *map(str, invariance.when.values())])
        off = (after - before).abs() - (1e-7 + 5e-5 * before.abs())
        require((off <= 0).all(), f"{name}: {before.tolist()} becomes {after.tolist()}")
        bent = row.function(*changed(invariance.change, prediction, batch, 0.3), settings)
        reads = ((bent - before).abs() > 1e-3 * before).any()
        require(reads, f"{name}: a curve is forgiven too, so the term does not read it at all")


def every_setting_has_an_effect(row: LossRow) -> None:
    """Another value of any setting of its own changes value or gradient, unless it is said to be unread."""
    unread = row.settings().unread()
    for name in row.settings.model_fields:
        if name in ("weight", "start", "ramp"):
            continue
        for other in other_values(row, name):
            prediction, batch = scene(3, 24, 32)
            prediction.log_depth[:, 0] = batch.depth_m[:, 0].log()  # right there: floors are met
            before = value_and_gradients(row, prediction, batch)
            after = value_and_gradients(row, prediction, batch, {name: other})
            same = all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
            effect = f"{name}={other} against {getattr(row.settings(), name)}"
            require(not same or name in unread, f"{effect}: no effect")
            require(
                same or name not in unread, f"{effect}: an effect, of what is said to be unread"
            )


def other_values(row: LossRow, name: str) -> Iterator[Any]:
    """Every other choice of a literal; another number or truth value otherwise."""
    settings = row.settings()
    kind, now = row.settings.model_fields[name].annotation, getattr(settings, name)
    if get_origin(kind) is not None and all(isinstance(a, str) for a in get_args(kind)):
        yield from (choice for choice in get_args(kind) if choice != now)
        return
    candidates: tuple[Any, ...] = ()
    if isinstance(now, bool):
        candidates = (not now,)
    elif isinstance(now, int):
        candidates = (now - 1, now + 1)
    elif isinstance(now, float):
        candidates = (now / 2, 0.5)
    for candidate in candidates:
        try:
            settings.edit({name: candidate})
        except SettingsError:
            continue
        if candidate != now:
            yield candidate
            return


# --- arithmetic ----------------------------------------------------------------------------------


def half_precision_is_computed_in_float32(row: LossRow) -> None:
    """Maps in bfloat16 and float16, under autocast, cost what they cost in float32, to the bit."""
    for dtype in (torch.bfloat16, torch.float16):
        prediction, batch = scene32()
        half = with_maps(
            [x.to(dtype) for x in (300.0 * prediction.structure, *maps_of(prediction)[1:])]
        )
        with torch.autocast("cpu", dtype=dtype):
            value, *gradients = value_and_gradients(row, half, batch)
        wide = with_maps([x.float() for x in maps_of(half)])
        require(value.dtype == torch.float32, f"{value.dtype} for maps in {dtype}")
        expected = row.function(wide, batch, row.settings())
        require(
            torch.equal(value, expected),
            f"{value.tolist()} for maps in {dtype}, {expected.tolist()} for the same in float32",
        )
        require(all(g.isfinite().all() for g in gradients), f"a gradient in {dtype} is not finite")


def gradients_are_exact(row: LossRow) -> None:
    """Its gradients are those of finite differences, but for maps declared as `constants` or `partial`."""
    prediction, batch = scene(2, 5, 6)
    settings = row.settings()
    held = row.constants + row.partial

    def function(*maps: Tensor) -> Tensor:
        return row.function(with_maps(maps), batch, settings)

    maps = tuple(getattr(prediction, n).requires_grad_(n not in held) for n in MAPS)
    if not function(*maps).requires_grad:
        require(False, "its value has no way back to the maps")
    torch.autograd.gradcheck(function, maps, eps=1e-7)


def compiles_to_one_graph(row: LossRow) -> None:
    """`torch.compile(fullgraph=True)` takes it, with the same value and gradients."""
    torch._dynamo.reset()
    prediction, batch = scene32()
    settings = row.settings()

    def total(*maps: Tensor) -> Tensor:
        return row.function(with_maps(maps), batch, settings)

    inputs = maps_of(leaves(prediction))
    compiled: Any = torch.compile(total, backend="eager", fullgraph=True)
    value = compiled(*inputs)
    require(torch.equal(value, total(*inputs)), "another value when compiled")
    _, *expected = value_and_gradients(row, prediction, batch)
    value.sum().backward()
    for leaf, gradient in zip(inputs, expected, strict=True):
        actual = torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
        require(torch.allclose(actual, gradient, rtol=1.3e-6, atol=1e-5), "another gradient")


def nothing_waits_for_the_device(row: LossRow) -> None:
    """It reads no value back: no `.item()`, no `if` on a tensor, no boolean index."""
    # A fake tensor has no data: whatever asks for a value raises.
    prediction, batch = scene32()
    with FakeTensorMode() as fake:
        value = row.function(leaves(faked(prediction, fake)), faked(batch, fake), row.settings())
        torch.autograd.backward(value.sum())
    require(value.shape == (3,), f"{list(value.shape)} for 3 images")


def faked(record: Any, mode: FakeTensorMode) -> Any:
    """The record with tensors that have a shape and a type but no data."""
    held = {f.name: getattr(record, f.name) for f in fields(record)}
    return replace(
        record, **{k: mode.from_tensor(v) for k, v in held.items() if isinstance(v, Tensor)}
    )


def _masked(row: LossRow) -> bool:
    return row.mask is not None or row.settings().also_reads() is not None


LOSS_CONTRACTS: tuple[Contract[LossRow], ...] = (
    Contract(one_value_per_image),
    Contract(minimum_on_a_perfect_flat_scene),
    Contract(minimum_on_a_perfect_scene, lambda row: row.least_at_truth),
    Contract(empty_mask_gives_a_connected_zero, _masked),
    Contract(no_mask_reads_no_truth, lambda row: row.mask is None),
    Contract(one_valid_pixel_is_finite),
    Contract(junk_under_the_mask_changes_nothing, _masked),
    Contract(a_fault_is_seen_in_its_image_only),
    Contract(images_are_independent),
    Contract(declared_invariances_hold, lambda row: bool(row.invariances)),
    Contract(every_setting_has_an_effect),
    Contract(half_precision_is_computed_in_float32),
    Contract(gradients_are_exact),
    Contract(compiles_to_one_graph),
    Contract(nothing_waits_for_the_device),
)
