"""The built-in RGB teacher: our own network on RGB, taught by exact depth of scenes no study uses.

thermodepth data render --scenes 4000/0/0 --seed 1000000 --size 128x96 --out teacher.zip
thermodepth train --recipe rgb-teacher --data synthetic:teacher.zip --out runs/rgb-teacher

From an encoder that has seen photographs, on a world of many cameras (`make rgb-teacher-imagenet`):

thermodepth train --recipe rgb-teacher-imagenet --data synthetic:many.zip --out runs/rgb-teacher-imagenet
"""

from __future__ import annotations

from thermodepth.training.settings import TrainingSettings

#: Where `make imagenet-start` puts the encoder; `--set model.weights=...` names another place.
IMAGENET_START = "build/mobilenetv2"


def rgb_teacher() -> TrainingSettings:
    """Structure from the truth's own inverse depth; consistency off, for there is nothing to tie."""
    return TrainingSettings().edit(
        {
            "steps": 8000,
            "data.modality": "rgb",
            "data.augmentation.zoom": 1.5,
            "model.weights": "none",
            "teacher.kind": "truth",
            "losses.groups.consistency": False,
            "losses.groups.smooth": False,
            "optimiser.ema_decay": 0.999,
        }
    )


def rgb_teacher_imagenet() -> TrainingSettings:
    """The same from photographs: any lens, several input sizes, colours unlike those of a rendering.

    The encoder learns at a quarter of the rate, so that what it has from photographs lasts.
    """
    return rgb_teacher().edit(
        {
            "data.size": [128, 160],
            "data.batch_size": 16,
            "data.augmentation.size_least": 0.75,
            "data.augmentation.size_most": 1.5,
            "data.augmentation.zoom": 1.25,
            "data.augmentation.roll_deg": 5.0,
            "data.augmentation.aspect": "cut",
            "data.augmentation.rgb.mix_probability": 0.3,
            "data.augmentation.rgb.grey_probability": 0.15,
            "data.augmentation.rgb.tone_probability": 0.4,
            "data.augmentation.rgb.invert_probability": 0.05,
            "data.augmentation.rgb.blur_probability": 0.3,
            "data.augmentation.rgb.noise_probability": 0.3,
            "model.encoder": "mobilenetv2",
            "model.decoder": "lean",
            "model.decoder_width": 64,
            "model.upsampling": "convex",
            "model.weights": IMAGENET_START,
            "model.focal_px": 150.0,
            "optimiser.encoder_factor": 0.25,
        }
    )
