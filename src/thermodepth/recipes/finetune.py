"""A trained model on some frames of another camera, so that it stays good on what it does not see of them.

    thermodepth train --recipe finetune --data folder:yard.yaml --out runs/yard              thermal-any
    thermodepth train --recipe finetune:runs/mine --data folder:yard.yaml --out runs/yard    one's own

A few hundred frames from a few places are soon known by heart, and the model is then worse in the next place
than it was before (docs/finetune.md has the figures). Against that stands:

    the encoder learns nothing, and statistics of norms are those of the start
    few steps: scale is learnt first, the layout of the places last
    the finished model is a quarter of the way back to its start (Wortsman et al., arXiv 2109.01903)
    windows and turns that move the layout about
    network, lens, depth range, input recipe, input sizes and heads are those of the start
"""

from __future__ import annotations

from typing import Any

from thermodepth.model import ModelRecipe, read_recipe, resolve_model
from thermodepth.shipped import DEFAULT_MODEL
from thermodepth.training.settings import TrainingSettings

#: Weights of the terms that teach heads which not every model has.
_HEADS = {"sky": 0.3, "relative_error": 0.1}


def finetune(model: str) -> TrainingSettings:
    """Settings that start from a model and keep what it is.

    Structure is taught by the truth, sparse or dense, so no RGB is asked for.

    Args:
        model: a built-in name, a run's folder, or a model folder.

    Raises:
        WeightsError: when there is none.
    """
    name = model or DEFAULT_MODEL
    start = read_recipe(resolve_model(name))
    edits: dict[str, Any] = {
        "steps": 30,
        "data.modality": start.modality,
        "data.size": list(start.working_size),
        "data.augmentation.zoom": 1.6,
        "data.augmentation.roll_deg": 8.0,
        "data.augmentation.aspect": "cut",
        "teacher.kind": "truth",
        "losses.groups.smooth": False,
        "optimiser.encoder_factor": 0.0,
        "optimiser.hold_statistics": True,
        "optimiser.start_share": 0.25,
        **{f"data.augmentation.{key}": share for key, share in _sizes(start).items()},
        **{f"data.normaliser.{key}": value for key, value in start.normaliser.tree().items()},
        **{f"model.{key}": value for key, value in start.model.tree().items()},
        "model.weights": name,
    }
    for head, weight in _HEADS.items():
        if getattr(start.model, head):
            edits[f"losses.{head}.weight"] = weight
    return TrainingSettings().edit(edits, where=f"recipe finetune:{name}")


def _sizes(start: ModelRecipe) -> dict[str, float]:
    """Of batches, as shares of the working size: those of the training before."""
    if start.short_sides is None:
        return {}
    own = min(start.working_size)
    least, most = start.short_sides
    return {"size_least": min(least / own, 1.0), "size_most": max(most / own, 1.0)}
