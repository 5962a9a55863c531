"""Models for any camera: the lens is told, sky and the expected error come out, several sizes go in.

    make thermal-any rgb-any

makes both, from an encoder that has seen photographs (`make imagenet-start`) and scenes of many cameras.
docs/log.md says what was tried on the way: squared differences for sharp steps, a slow encoder and no batch
statistics so that what the photographs taught lasts, no smoothness, which costs edges.
"""

from __future__ import annotations

from typing import Any

from thermodepth.training.settings import TrainingSettings

#: Where `make imagenet-start` puts the encoder; `--set model.weights=...` names another place.
IMAGENET_START = "build/mobilenetv2"
#: Where `make thermal-any` puts its first stage.
FIRST_STAGE = "build/thermal-any-first"

_NETWORK: dict[str, Any] = {
    "model.encoder": "mobilenetv2",
    "model.weights": IMAGENET_START,
    "model.decoder": "lean",
    "model.decoder_width": 64,
    "model.focal_px": 150.0,
    "model.sky": True,
    "model.relative_error": True,
}
_FRAMES: dict[str, Any] = {
    "data.size": [128, 160],
    "data.batch_size": 16,
    "data.min_truth_m": 0.2,
    "data.max_truth_m": 200.0,
    "data.augmentation.aspect": "cut",
    "data.augmentation.roll_deg": 3.0,
    "data.augmentation.zoom": 1.25,
    "data.augmentation.size_least": 0.75,
    "data.augmentation.size_most": 1.5,
}
_TERMS: dict[str, Any] = {
    "teacher.kind": "truth",
    "losses.groups.smooth": False,
    "losses.groups.consistency": False,
    "losses.metric_relative.form": "log",
    "losses.metric_gradient.weight": 10.0,
    "losses.metric_gradient.form": "squared",
    "losses.structure_ssi.trim": 0.0,  # the truth is wrong nowhere, and what is trimmed is near and thin
    "losses.structure_gradient.weight": 2.0,
    "losses.structure_gradient.form": "huber",
    "losses.sky.weight": 0.3,
    "losses.relative_error.weight": 0.1,
}
_STEPS: dict[str, Any] = {
    "optimiser.learning_rate": 1e-3,
    "optimiser.encoder_factor": 0.3,
    "optimiser.warm_up": 0.03,
    "optimiser.ema_decay": 0.998,
}
#: Colours unlike those of a rendering.
_COLOURS: dict[str, Any] = {
    "data.augmentation.rgb.grey_probability": 0.2,
    "data.augmentation.rgb.invert_probability": 0.1,
    "data.augmentation.rgb.mix_probability": 0.2,
    "data.augmentation.rgb.tone_probability": 0.3,
    "data.augmentation.rgb.blur_probability": 0.2,
    "data.augmentation.rgb.noise_probability": 0.2,
}


def thermal_any() -> TrainingSettings:
    """The thermal model that ships for any camera."""
    return TrainingSettings().edit({"steps": 7000, **_NETWORK, **_FRAMES, **_TERMS, **_STEPS})


def thermal_any_further() -> TrainingSettings:
    """On from there with steeper structure; half of the first weights stays in the mean, so that what the
    first stage saw is not unlearnt (docs/log.md)."""
    further = {
        "steps": 4500,
        "model.weights": FIRST_STAGE,
        "optimiser.learning_rate": 7e-4,
        "optimiser.start_share": 0.5,
        "losses.structure_gradient.form": "squared",
        "losses.structure_gradient.weight": 1.0,
    }
    return thermal_any().edit(further)


def rgb_any() -> TrainingSettings:
    """The same for RGB: a teacher of structure."""
    edits = {**_NETWORK, **_FRAMES, **_TERMS, **_STEPS, **_COLOURS}
    return TrainingSettings().edit({"steps": 1600, "data.modality": "rgb", **edits})
