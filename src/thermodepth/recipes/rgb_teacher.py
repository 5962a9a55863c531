"""The built-in RGB teacher: our own network on RGB, taught by exact depth of scenes no study uses.

thermodepth data render --scenes 4000/0/0 --seed 1000000 --size 128x96 --out teacher.zip
thermodepth train --recipe rgb-teacher --data synthetic:teacher.zip --out runs/rgb-teacher
"""

from __future__ import annotations

from thermodepth.training.settings import TrainingSettings


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
