"""How well a plain classifier tells two sets of thermal frames apart, and by what."""

from thermodepth.realism.comparison import Comparison, Difference, compare
from thermodepth.realism.patches import STATISTICS, PatchSet, patches_of
from thermodepth.realism.separation import Separation, separation

__all__ = [
    "STATISTICS",
    "Comparison",
    "Difference",
    "PatchSet",
    "Separation",
    "compare",
    "patches_of",
    "separation",
]
