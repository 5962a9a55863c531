"""Where a term pulls: sums by distance, errors and costs against hand-made ones."""

from __future__ import annotations

import math

import pytest
import torch
from random_scene import F64

from thermodepth.losses import LOSSES
from thermodepth.losses.pull import (
    EDGES_M,
    NOISE,
    by_distance,
    pull_map,
    pull_of,
    right_maps,
    smooth_field,
)
from thermodepth.types import Batch

#: Distances of 20 columns, the last of which has no truth.
COLUMNS_M = [3.0] * 8 + [10.0] * 6 + [20.0] * 3 + [50.0] + [100.0] + [0.0]


def batch_of(columns_m: list[float], rows: int = 15) -> Batch:
    depth = torch.tensor(columns_m, dtype=F64).expand(1, rows, -1).contiguous()
    nothing = torch.zeros_like(depth)
    return Batch(
        image=nothing[:, None],
        depth_m=depth,
        depth_valid=depth > 0,
        label=nothing,
        label_valid=nothing > 0,
        intrinsics=torch.full((1, 3, 3), torch.nan),
        sample_ids=("a",),
    )


def test_sums_by_distance() -> None:
    batch = batch_of(COLUMNS_M)
    ones = torch.ones_like(batch.depth_m)
    assert by_distance(ones, batch).tolist() == [15 * n for n in (8, 6, 3, 1, 2)]
    edges = batch_of([*EDGES_M[1:], 0.0])
    assert by_distance(torch.ones_like(edges.depth_m), edges).tolist() == [0, 15, 15, 15, 30]


def test_the_absolute_error_of_the_logarithm_pulls_as_pixels_lie() -> None:
    """Every pixel with truth by 1/n, whatever its error."""
    row = LOSSES["metric_relative"]
    settings = row.settings().edit({"form": "log"})
    pull = pull_of(row, settings, [batch_of(COLUMNS_M)] * 2, seed=0)
    assert pull.shares == pytest.approx([8 / 19, 6 / 19, 3 / 19, 1 / 19, 1 / 19])
    assert pull.at_truth == pytest.approx(0.0, abs=1e-12)
    assert pull.far_cost == pytest.approx(math.log(1.5) * 2 / 19)  # 50 and 100 m
    assert pull.near_cost == pytest.approx(math.log(1.5) * 8 / 19)


def test_a_costless_term_has_no_shares() -> None:
    row = LOSSES["gradient_consistency"]
    one_pixel = batch_of([3.0], rows=1)
    field = smooth_field(right_maps(batch_of(COLUMNS_M)), torch.Generator().manual_seed(0))
    assert field.shape == (1, 15, 20)
    wrong = right_maps(one_pixel)
    assert pull_map(row, row.settings(), wrong, one_pixel).sum() == 0


@pytest.mark.parametrize("size", [(15, 20), (20, 15), (6, 90)])
def test_errors_are_smooth_of_the_stated_size_and_the_same_again(size: tuple[int, int]) -> None:
    batch = batch_of([5.0] * size[1], rows=size[0])
    right = right_maps(batch)
    field = smooth_field(right, torch.Generator().manual_seed(3))
    assert field.shape == (1, *size)
    assert float(field.mean()) == pytest.approx(0.0, abs=1e-12)
    assert float(field.std(correction=0)) == pytest.approx(1.0)
    assert torch.equal(field, smooth_field(right, torch.Generator().manual_seed(3)))
    assert not torch.equal(field, smooth_field(right, torch.Generator().manual_seed(4)))
    assert 0 < NOISE < 1


def test_right_maps_and_their_sky() -> None:
    batch = batch_of(COLUMNS_M)
    right = right_maps(batch)
    torch.testing.assert_close(right.structure, (-right.log_depth).exp())
    torch.testing.assert_close(right.depth_m[:, :, :19], batch.depth_m[:, :, :19])
    torch.testing.assert_close(right.depth_m[:, :, 19], torch.full((1, 15), 80.0, dtype=F64))
