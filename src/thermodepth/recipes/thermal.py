"""The plain thermal network for one's own frames and for studies: all losses of the paper.

    thermodepth train --out runs/first

The lens is told, so that frames of several cameras mix and metres hold for any other; frames without a known
lens need `--set model.focal_px=null`. The relative error is the one that is least at the median of the truth,
because the plain one is least nearer than that (`losses/metric_relative.py`).
"""

from __future__ import annotations

from thermodepth.training.settings import TrainingSettings

FOCAL_PX = 150.0  # of inputs of 128 to 192 columns


def thermal() -> TrainingSettings:
    """What `make study` trains in its first arm."""
    edits = {
        "model.decoder": "lean",
        "model.focal_px": FOCAL_PX,
        "teacher.kind": "rgb-any",
        "losses.metric_relative.form": "log",
    }
    return TrainingSettings().edit(edits)
