"""The last thing a training does: its expected errors are calibrated on frames that taught it nothing."""

from __future__ import annotations

import warnings

from thermodepth.data.frames import Dataset
from thermodepth.errors import UserError
from thermodepth.inference.error_calibration import calibrate_error
from thermodepth.model import DepthNetwork, LoadedModel, ModelRecipe
from thermodepth.training.settings import TrainingSettings

HELD_OUT = "val"


def with_error_calibration(
    network: DepthNetwork, recipe: ModelRecipe, settings: TrainingSettings, dataset: Dataset
) -> ModelRecipe:
    """The recipe of a trained network, with a calibration of its head `relative_error` where it has one.

    Where it cannot be calibrated a warning says why: the model is whole without, and does not tell its
    relative error.
    """
    if not recipe.model.relative_error:
        return recipe
    reason = ""
    if recipe.modality != "thermal":
        reason = "it reads RGB, and only thermal models predict"
    elif settings.data.split == HELD_OUT:
        reason = f"it was trained on the split '{HELD_OUT}', and no other is kept for this"
    elif HELD_OUT not in dataset.splits or not dataset.splits[HELD_OUT].sample_ids:
        reason = f"{dataset.spec} has no split '{HELD_OUT}'"
    else:
        was_training = network.training
        model = LoadedModel(network=network.eval(), recipe=recipe, fingerprint="in training")
        device = "cpu" if settings.runtime.device == "cpu" else "auto"
        try:
            calibration = calibrate_error(model, dataset, HELD_OUT, device=device)
            return recipe.model_copy(update={"error_calibration": calibration})
        except (
            UserError
        ) as error:  # hours of training are not lost over a frame that cannot be read
            reason = str(error)
        finally:
            network.train(was_training)
    warnings.warn(
        f"the model will not tell its relative error, because it is not calibrated: {reason}. "
        "`python -m thermodepth.inference.error_calibration` does it with another data set",
        stacklevel=2,
    )
    return recipe
