"""The loss terms of the study: one file each, one row each in `LOSSES`.

    term(prediction, batch, settings) -> Tensor[b]      pure, one value per image
    evaluate(prediction, batch, settings, progress=0.3) -> LossReport

A term applies its own mask, works in float32 whatever autocast says, gives a connected zero for an
image without valid pixels, and never makes the device wait. See `geometry` for how.
"""

from thermodepth.losses.invariance import Invariance
from thermodepth.losses.registry import LOSSES, Form, LossRow
from thermodepth.losses.report import LossReport, evaluate
from thermodepth.losses.settings import Groups, LossesSettings, rebuilt_with_terms
from thermodepth.losses.term import Term, TermSettings, weight_at

__all__ = [
    "LOSSES",
    "Form",
    "Groups",
    "Invariance",
    "LossReport",
    "LossRow",
    "LossesSettings",
    "Term",
    "TermSettings",
    "evaluate",
    "rebuilt_with_terms",
    "weight_at",
]
