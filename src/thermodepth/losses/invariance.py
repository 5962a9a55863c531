"""What leaves a loss term alone, as a row declares it and the contracts try it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

#: What may be done to the inputs without changing a term. `structure_affine`: s -> a s + b;
#: `label_affine`: t -> a t + b; `image_affine`: T -> a T + b (all with a > 0); `depth_scale`:
#: D -> a D alone; `unit_of_length`: D -> a D and D* -> a D* together; `depth_exchange`: D and D* change
#: places, so that a factor costs what its inverse costs.
Change = Literal[
    "structure_affine",
    "label_affine",
    "image_affine",
    "depth_scale",
    "unit_of_length",
    "depth_exchange",
]


@dataclass(frozen=True, slots=True)
class Invariance:
    """A change of the inputs that leaves the term alone, under the given edits of its settings."""

    change: Change
    when: Mapping[str, Any] = field(default_factory=dict)
