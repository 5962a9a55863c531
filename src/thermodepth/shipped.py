"""The models that ship inside the package, by name: apart from `model`, so that a help loads no torch."""

from __future__ import annotations

BUILT_IN = ("rgb-any", "rgb-small", "thermal-any", "thermal-small")  # folders of `assets`
DEFAULT_MODEL = "thermal-any"  # of prediction and fine-tuning, where nobody names one
