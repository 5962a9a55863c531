"""The network: encoders by name, a light decoder, two heads; models on disk."""

from thermodepth.model.encoders import ENCODERS
from thermodepth.model.error_calibration import ErrorCalibration
from thermodepth.model.network import (
    DepthNetwork,
    ModelSettings,
    has_batch_norms,
    parameter_count,
)
from thermodepth.model.weights import (
    LONGEST_WORKING_SIDE,
    LoadedModel,
    ModelRecipe,
    TrainingLens,
    check_start,
    fingerprint_of,
    initialise,
    load_model,
    read_recipe,
    resolve_model,
    save_model,
)

__all__ = [
    "ENCODERS",
    "LONGEST_WORKING_SIDE",
    "DepthNetwork",
    "ErrorCalibration",
    "LoadedModel",
    "ModelRecipe",
    "ModelSettings",
    "TrainingLens",
    "check_start",
    "fingerprint_of",
    "has_batch_norms",
    "initialise",
    "load_model",
    "parameter_count",
    "read_recipe",
    "resolve_model",
    "save_model",
]
