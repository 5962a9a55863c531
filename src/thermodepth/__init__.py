"""thermodepth: monocular depth from thermal cameras.

    import thermodepth

    predictor = thermodepth.load()
    result = predictor(counts)  # a raw 14/16-bit thermal frame, [h w]
    result.depth_m, result.structure

Public names are imported when first used, so that `import thermodepth` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from thermodepth.inference.depth import Depth as Depth
    from thermodepth.inference.predictor import Predictor as Predictor
    from thermodepth.runtime.loading import load as load
    from thermodepth.sources.opening import frames as frames
    from thermodepth.sources.opening import replay as replay
    from thermodepth.types import Geometry as Geometry

__version__ = "0.1.0"

_HOME = {
    "Depth": "thermodepth.inference.depth",
    "Predictor": "thermodepth.inference.predictor",
    "frames": "thermodepth.sources.opening",
    "load": "thermodepth.runtime.loading",
    "replay": "thermodepth.sources.opening",
    "Geometry": "thermodepth.types",
}

__all__ = ["Depth", "Geometry", "Predictor", "__version__", "frames", "load", "replay"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'thermodepth' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
