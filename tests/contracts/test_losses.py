"""What every row of `LOSSES` promises, whatever the term."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, get_args, get_origin

import pytest
import torch
from pydantic import create_model
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from thermodepth.losses import LOSSES, Invariance, LossesSettings, LossRow, evaluate
from thermodepth.losses.relative_error import RelativeErrorSettings
from thermodepth.types import Batch, Prediction


def with_form(row: LossRow, edits: Mapping[str, Any]) -> LossRow:
    """The row as if one of its other forms were its default."""
    defaults: dict[str, Any] = {
        name: (row.settings.model_fields[name].annotation, value) for name, value in edits.items()
    }
    return replace(row, settings=create_model("Form", __base__=row.settings, **defaults))


TABLE = {
    name if edits is None else f"{name}-{'-'.join(map(str, edits.values()))}": (
        row if edits is None else with_form(row, edits)
    )
    for name, row in LOSSES.items()
    for edits in (None, *row.forms)
}
ROWS = [pytest.param(row, id=name) for name, row in TABLE.items()]
MASKED_ROWS = [pytest.param(row, id=name) for name, row in TABLE.items() if row.mask]
JUNK = (float("nan"), float("inf"), float("-inf"), 1e30)


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


MAPS = tuple(f.name for f in fields(Prediction))


def maps_of(prediction: Prediction) -> list[Tensor]:
    """Every map of the prediction, as `[b n h w]` or `[b h w]`."""
    return [getattr(prediction, name) for name in MAPS]


def with_maps(maps: list[Tensor] | tuple[Tensor, ...]) -> Prediction:
    """The prediction whose `maps_of` these are."""
    return Prediction(**dict(zip(MAPS, maps, strict=True)))


def leaves(prediction: Prediction) -> Prediction:
    """Copies that collect gradients."""
    return with_maps([x.detach().clone().requires_grad_() for x in maps_of(prediction)])


def value_and_gradients(
    row: LossRow, prediction: Prediction, batch: Batch, edits: dict[str, Any] | None = None
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


@pytest.mark.parametrize("row", LOSSES.values(), ids=LOSSES)
def test_a_term_has_its_own_file_and_one_line(row: LossRow) -> None:
    module = importlib.import_module(f"thermodepth.losses.{row.name}")
    assert getattr(module, row.name) is row.term
    assert row.settings.__module__ == module.__name__
    assert module.__doc__ is not None
    assert "Source" in module.__doc__
    assert row.summary
    assert "\n" not in row.summary
    assert row.group == "always" or row.group in LossesSettings().groups.tree()


@pytest.mark.parametrize("row", ROWS)
def test_one_value_per_image(row: LossRow) -> None:
    prediction, batch = scene32()
    value = row.function(prediction, batch, row.settings())
    assert value.shape == (3,)
    assert value.dtype == torch.float32
    assert bool((value > row.settings().minimum()).all()), "the scene is not perfect"


@pytest.mark.parametrize("row", ROWS)
def test_perfect_flat_scene_has_the_minimum_and_a_finite_gradient(row: LossRow) -> None:
    _, batch = scene32()
    flat = torch.ones_like(batch.depth_m)
    batch = replace(batch, depth_m=5.0 * flat, label=0.3 * flat, image=flat[:, None], sky=flat < 0)
    prediction = perfect(batch, structure=-2.0 * flat)
    value, *gradients = value_and_gradients(row, prediction, batch)
    assert value.tolist() == pytest.approx([row.settings().minimum()] * 3, abs=1e-6)
    assert all(bool(g.isfinite().all()) for g in gradients)


@pytest.mark.parametrize("row", [r for r in ROWS if r.values[0].group != "smooth"])
def test_perfect_scene_has_the_minimum_and_a_finite_gradient(row: LossRow) -> None:
    _, batch = scene32()
    batch = replace(batch, label=0.7 / batch.depth_m - 3.0, sky=batch.depth_m < 0)
    prediction = perfect(batch, structure=2.0 / batch.depth_m + 1.0)
    value, *gradients = value_and_gradients(row, prediction, batch)
    assert value.tolist() == pytest.approx([row.settings().minimum()] * 3, abs=1e-4)
    assert all(bool(g.isfinite().all()) for g in gradients)


@pytest.mark.parametrize("row", MASKED_ROWS)
def test_empty_mask_gives_a_connected_zero(row: LossRow) -> None:
    prediction, batch = scene32()
    full = value_and_gradients(row, prediction, batch)
    some = batch.label_valid & batch.depth_valid
    some[1] = False
    empty = value_and_gradients(row, prediction, masks_set(batch, some))
    value = row.function(leaves(prediction), masks_set(batch, some), row.settings())
    assert value.requires_grad
    assert empty[0][1] == 0.0
    assert bool((empty[0][[0, 2]] > 0).all())
    assert all(bool((g[1] == 0).all()) and bool(g.isfinite().all()) for g in empty[1:])
    assert any(bool((g[1] != 0).any()) for g in full[1:]), "the full mask has a gradient"


@pytest.mark.parametrize("row", [r for r in ROWS if r.values[0].mask is None])
def test_a_term_without_mask_does_not_read_the_truth(row: LossRow) -> None:
    prediction, batch = scene32()
    nothing = torch.zeros_like(batch.label_valid)
    blind = replace(
        masks_set(batch, nothing),
        label=batch.label * torch.nan,
        depth_m=batch.depth_m * torch.nan,
        sky=nothing,
    )
    for a, b in zip(
        value_and_gradients(row, prediction, batch),
        value_and_gradients(row, prediction, blind),
        strict=True,
    ):
        assert torch.equal(a, b)


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("size", [(12, 16), (1, 16), (12, 1), (1, 1), (70, 80)])
def test_one_valid_pixel_is_finite(row: LossRow, size: tuple[int, int]) -> None:
    prediction, batch = cast(*scene(3, *size), torch.float32)
    one = torch.zeros_like(batch.label_valid)
    one[:, size[0] // 2, size[1] // 3] = True  # at (35, 26) the grid of the median misses it
    value, *gradients = value_and_gradients(row, prediction, masks_set(batch, one))
    assert bool(value.isfinite().all())
    assert all(bool(g.isfinite().all()) for g in gradients)


@pytest.mark.parametrize("row", MASKED_ROWS)
@pytest.mark.parametrize("junk", JUNK)
def test_junk_under_the_mask_changes_nothing(row: LossRow, junk: float) -> None:
    prediction, batch = scene32()
    valid = getattr(batch, f"{row.mask}_valid")
    assert bool((~valid).any())
    spoilt_batch = replace(
        batch,
        label=torch.where(batch.label_valid, batch.label, junk),
        depth_m=torch.where(batch.depth_valid, batch.depth_m, junk),
    )
    spoilt = with_maps([where_valid(valid, x, junk) for x in maps_of(prediction)])
    clean = value_and_gradients(row, prediction, batch)
    dirty = value_and_gradients(row, spoilt, spoilt_batch)
    for a, b in zip(clean, dirty, strict=True):
        assert torch.equal(a, b)
    assert all(bool((where_valid(~valid, g, 0.0) == 0).all()) for g in dirty[1:])


@pytest.mark.parametrize("row", ROWS)
def test_a_fault_at_a_valid_pixel_is_seen_in_its_image_only(row: LossRow) -> None:
    prediction, batch = scene32()
    assert batch.sky_valid is not None
    where = (batch.label_valid & batch.depth_valid & batch.sky_valid)[1].nonzero()[7]
    clean = row.function(prediction, batch, row.settings())
    for fault in (float("nan"), float("inf")):
        prediction, batch = scene32()
        for x in maps_of(prediction):
            x[1, ..., where[0], where[1]] = fault
        value = row.function(prediction, batch, row.settings())
        assert not bool(value[1].isfinite())
        assert torch.equal(value[[0, 2]], clean[[0, 2]])


@pytest.mark.parametrize("row", ROWS)
def test_images_of_a_batch_are_independent(row: LossRow) -> None:
    prediction, batch = scene32()
    together = row.function(prediction, batch, row.settings())
    for i in range(3):
        alone = row.function(
            with_maps([x[i : i + 1] for x in maps_of(prediction)]),
            Batch(**{f.name: getattr(batch, f.name)[i : i + 1] for f in fields(batch)}),
            row.settings(),
        )
        assert alone[0].item() == pytest.approx(together[i].item(), rel=1e-6)

    inputs = leaves(prediction)
    value = row.function(inputs, batch, row.settings())
    maps = maps_of(inputs)
    gradients = [g for g in torch.autograd.grad(value[1], maps, allow_unused=True) if g is not None]
    assert any(bool((g[1] != 0).any()) for g in gradients)
    assert all(bool((g[[0, 2]] == 0).all()) for g in gradients)


def changed(
    change: str, prediction: Prediction, batch: Batch, bend: float
) -> tuple[Prediction, Batch]:
    """Apply an invariance; `bend` adds a curve to it, which no term may forgive."""

    def affine(x: Tensor) -> Tensor:
        return 1.7 * x + 0.6 + bend * x.square()

    structure, log_depth, ln3 = prediction.structure, prediction.log_depth, 1.0986123
    if change == "structure_affine":
        return replace(prediction, structure=affine(structure)), batch
    if change == "label_affine":
        return prediction, replace(batch, label=affine(batch.label))
    if change == "image_affine":
        return prediction, replace(batch, image=affine(batch.image))
    scaled = replace(prediction, log_depth=log_depth + ln3 + bend * log_depth.square())
    if change == "depth_scale":
        return scaled, batch
    if change == "depth_exchange":
        swapped = replace(prediction, log_depth=batch.depth_m.log() + bend * log_depth.square())
        return swapped, replace(batch, depth_m=log_depth.exp())
    assert change == "unit_of_length"
    return scaled, replace(batch, depth_m=batch.depth_m * 3.0)


@pytest.mark.parametrize(
    ("row", "invariance"),
    [
        pytest.param(row, i, id=f"{name}-{i.change}" + "".join(f"-{v}" for v in i.when.values()))
        for name, row in LOSSES.items()
        for i in row.invariances
    ],
)
def test_declared_invariances_hold(row: LossRow, invariance: Invariance) -> None:
    settings = row.settings().edit(dict(invariance.when))
    prediction, batch = scene32()
    before = row.function(prediction, batch, settings)
    after = row.function(*changed(invariance.change, prediction, batch, 0.0), settings)
    torch.testing.assert_close(after, before, rtol=5e-5, atol=1e-7)
    bent = row.function(*changed(invariance.change, prediction, batch, 0.3), settings)
    assert bool(((bent - before).abs() > 1e-3 * before).any()), "the term reads what was changed"


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_float32(row: LossRow, dtype: torch.dtype) -> None:
    prediction, batch = scene32()
    half = with_maps(
        [x.to(dtype) for x in (300.0 * prediction.structure, *maps_of(prediction)[1:])]
    )
    with torch.autocast("cpu", dtype=dtype):
        value, *gradients = value_and_gradients(row, half, batch)
    wide = with_maps([x.float() for x in maps_of(half)])
    assert value.dtype == torch.float32
    assert torch.equal(value, row.function(wide, batch, row.settings()))
    assert all(bool(g.isfinite().all()) for g in gradients)


@pytest.mark.parametrize("row", ROWS)
def test_gradients_are_exact(row: LossRow) -> None:
    prediction, batch = scene(2, 5, 6)
    settings = row.settings()

    def values_of(*maps: Tensor) -> Tensor:
        return row.function(with_maps(maps), batch, settings)

    # A term may read a map as a constant, its guide or its error: that one has no gradient to check.
    constant = {"guided_smooth": "structure", "relative_error": "log_depth"}.get(row.name)
    maps = [getattr(prediction, name).requires_grad_(name != constant) for name in MAPS]
    assert torch.autograd.gradcheck(values_of, tuple(maps), eps=1e-7)


# Dynamo itself makes an instance of every autograd.Function it traces.
from_dynamo = pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")


@from_dynamo
@pytest.mark.parametrize("row", ROWS)
def test_compiles_to_one_graph(row: LossRow) -> None:
    torch._dynamo.reset()
    prediction, batch = scene32()
    settings = row.settings()

    def total(*maps: Tensor) -> Tensor:
        return row.function(with_maps(maps), batch, settings)

    inputs = maps_of(leaves(prediction))
    compiled = torch.compile(total, backend="eager", fullgraph=True)
    value = compiled(*inputs)
    assert torch.equal(value, total(*inputs))
    _, *expected = value_and_gradients(row, prediction, batch)
    value.sum().backward()
    for leaf, gradient in zip(inputs, expected, strict=True):
        actual = torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
        torch.testing.assert_close(actual, gradient)


@from_dynamo
def test_evaluate_compiles_to_one_graph() -> None:
    torch._dynamo.reset()
    prediction, batch = scene32()
    settings = LossesSettings()

    def total(structure: Tensor, log_depth: Tensor) -> Tensor:
        inputs = Prediction(structure=structure, log_depth=log_depth)
        return evaluate(inputs, batch, settings, progress=0.5).total

    compiled = torch.compile(total, backend="eager", fullgraph=True)
    value = compiled(prediction.structure, prediction.log_depth)
    assert torch.equal(value, total(prediction.structure, prediction.log_depth))


@pytest.mark.parametrize("row", ROWS)
def test_nothing_waits_for_the_device(row: LossRow) -> None:
    # A fake tensor has no data: `.item()`, `if tensor`, boolean indexing and nonzero all raise.
    prediction, batch = scene32()
    with FakeTensorMode() as fake:
        value = row.function(leaves(faked(prediction, fake)), faked(batch, fake), row.settings())
        value.sum().backward()
    assert value.shape == (3,)


def test_a_fake_tensor_catches_what_waits_for_the_device() -> None:
    _, batch = scene32()
    with FakeTensorMode() as fake:
        hollow = faked(batch, fake)
        with pytest.raises(Exception, match=r"aten\.(nonzero|_local_scalar_dense)"):
            hollow.depth_m[hollow.depth_valid].log()
        with pytest.raises(Exception, match=r"aten\.(nonzero|_local_scalar_dense)"):
            hollow.depth_m.sum().item()


def faked(record: Any, mode: FakeTensorMode) -> Any:
    """The record with tensors that have a shape and a type but no data."""
    held = {f.name: getattr(record, f.name) for f in fields(record)}
    return replace(
        record, **{k: mode.from_tensor(v) for k, v in held.items() if isinstance(v, Tensor)}
    )


def other_values(settings: Any, name: str) -> list[Any]:
    """Every other choice of a literal; another number otherwise."""
    kind, now = type(settings).model_fields[name].annotation, getattr(settings, name)
    if get_origin(kind) is not None and all(isinstance(a, str) for a in get_args(kind)):
        return [choice for choice in get_args(kind) if choice != now]
    assert isinstance(now, (int, float)), f"{name}: no rule for another value of {now!r}"
    return [now - 1] if isinstance(now, int) else [now / 2]


@pytest.mark.parametrize(
    ("row", "name", "other"),
    [
        pytest.param(row, field, other, id=f"{row.name}-{field}-{other}")
        for row in LOSSES.values()
        for field in row.settings.model_fields
        if field not in ("weight", "start", "ramp")
        for other in other_values(row.settings(), field)
    ],
)
def test_every_setting_has_an_effect(row: LossRow, name: str, other: Any) -> None:
    prediction, batch = scene(3, 24, 32)
    prediction.log_depth[:, 0] = batch.depth_m[:, 0].log()  # right there: floors are met
    before = value_and_gradients(row, prediction, batch)
    after = value_and_gradients(row, prediction, batch, {name: other})
    assert any(not torch.equal(a, b) for a, b in zip(before, after, strict=True))
