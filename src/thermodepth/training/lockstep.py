"""Which runs can train in lockstep, over one stream of batches: those that would be fed the same.

Network, losses and optimiser are a run's own; whatever decides a batch, its device or the number of them
is shared.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from thermodepth.config import flatten
from thermodepth.errors import SettingsError
from thermodepth.training.settings import TrainingSettings

#: Settings, or sections of them, that runs in lockstep have in common. The teacher is where labels come from.
SHARED = ("seed", "steps", "precision", "data", "teacher")
SHARED_RUNTIME = ("device", "workers", "cache_mb")  # of the one loader, and of the one device


def shared_settings(settings: TrainingSettings) -> dict[str, Any]:
    """`{dotted path: value}` of everything that runs in lockstep have in common."""
    tree = settings.tree()
    shared = {name: tree[name] for name in SHARED}
    # Where one network is told the lens, a zoom changes that; where none is, it changes the depth.
    shared["model"] = {"knows_lens": tree["model"]["focal_px"] is not None}
    shared["runtime"] = {name: tree["runtime"][name] for name in SHARED_RUNTIME}
    return flatten(shared)


def check_lockstep(runs: Mapping[str, TrainingSettings]) -> None:
    """Whether these, known by their names, can train over one stream of batches.

    Raises:
        SettingsError: naming a setting, and the first two runs that differ in it.
    """
    (first_name, settings), *others = runs.items()
    first = shared_settings(settings)
    for name, run in others:
        other = shared_settings(run)
        for path in sorted(first.keys() | other.keys()):
            if first.get(path) != other.get(path):
                here, there = json.dumps(first.get(path)), json.dumps(other.get(path))
                raise SettingsError(
                    f"lockstep: {path} is {here} in {first_name} and {there} in {name}; runs in lockstep "
                    "share seed, steps, precision, data, teacher, device and loader, so train these apart"
                )
