"""Where each form of a term pulls at the metric depth, for docs/method.md. `python tools/pull_table.py`.

The frames are spread over a split of the shipped pack. Whatever pack ships, SPLIT, FRAMES and SEED say which
frames and errors they are; another pack is another table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from places import fill
from thermodepth.data import open_dataset
from thermodepth.losses import LOSSES
from thermodepth.losses.pull import (
    EDGES_M,
    FACTOR,
    FAR_M,
    NEAR_M,
    Pull,
    by_distance,
    pull_of,
)
from thermodepth.types import Batch

SPLIT, FRAMES, SEED = "test", 12, 0
#: Terms that read the metric depth, in the order of the table.
TERMS = ("gradient_consistency", "guided_smooth", "metric_relative", "metric_silog")
#: Settings that change where a form pulls, beside the forms themselves.
BESIDE: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "gradient_consistency": ({"form": "value", "trim": 0.0},),
}
#: A value below this is a rounding error of the arithmetic, or the eps in a root.
NOTHING = 2e-3


def places() -> dict[str, str]:
    """The text of the place of the page."""
    frames = list(_frames())
    bands = [f"{low:g} to {high:g} m" for low, high in pairwise(EDGES_M)]
    bands[0] = f"< {EDGES_M[1]:g} m"
    heads = [
        "term and form",
        *bands,
        f"no truth, or beyond {EDGES_M[-1]:g} m",
        "value where both maps are right",
        f"x {FACTOR:g} beyond {FAR_M:g} m costs",
        f"x {FACTOR:g} within {NEAR_M:g} m costs",
    ]
    pixels = sum(by_distance(torch.ones_like(each.depth_m), each) for each in frames)
    assert isinstance(pixels, torch.Tensor)
    lines = [
        _line(heads),
        "|" + "---|" * len(heads),
        _line(["*pixels*", *map(_number, (pixels / pixels.sum()).tolist()), "", "", ""]),
        *(_line([title, *_cells(pull)]) for title, pull in pulls(frames)),
    ]
    return {"table": "\n".join(lines)}


def pulls(frames: list[Batch]) -> Iterator[tuple[str, Pull]]:
    """Every form of every term, by its settings."""
    for term in TERMS:
        row = LOSSES[term]
        for edits in ({}, *(form.edits for form in row.forms), *BESIDE.get(term, ())):
            settings = row.settings().edit(edits)
            words = [f"`{term}`"]
            if hasattr(settings, "form"):
                words.append(f"`{settings.form}`")
            words += [
                f"{key} {value:g}" if isinstance(value, float) else f"{key} {value}"
                for key, value in edits.items()
                if key != "form"
            ]
            yield ", ".join(words), pull_of(row, settings, frames, seed=SEED)


def _frames() -> Iterator[Batch]:
    """One image each, since sizes of frames may differ."""
    split = open_dataset("synthetic").split(SPLIT)
    count = len(split.sample_ids)
    for index in np.linspace(0, count - 1, min(FRAMES, count)).round().astype(int):
        sample = split.read(int(index), with_rgb=False)
        assert sample.depth_m is not None
        depth = torch.from_numpy(np.nan_to_num(sample.depth_m))[None].double()
        valid = torch.from_numpy(np.isfinite(sample.depth_m))[None]
        yield Batch(
            image=torch.zeros_like(depth)[:, None],
            depth_m=depth,
            depth_valid=valid,
            label=torch.zeros_like(depth),
            label_valid=torch.zeros_like(valid),
            intrinsics=torch.from_numpy(sample.intrinsics)[None],
            sample_ids=(sample.sample_id,),
        )


def _cells(pull: Pull) -> list[str]:
    return [_number(each) for each in (*pull.shares, pull.at_truth, pull.far_cost, pull.near_cost)]


def _number(value: float) -> str:
    """Three digits, without the zero in front: `.0423`."""
    if abs(value) < NOTHING:
        return "0"
    return f"{value:#.3g}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:#.3g}"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    fill("method.md", "pull", places())
