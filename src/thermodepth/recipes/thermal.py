"""The plain thermal network: all losses, the defaults of every setting.

thermodepth train --out runs/first
"""

from __future__ import annotations

from thermodepth.training.settings import TrainingSettings


def thermal() -> TrainingSettings:
    """What `make study` trains in its first arm."""
    return TrainingSettings()
