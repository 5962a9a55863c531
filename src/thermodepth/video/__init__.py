"""Steady video: an input range with memory, a filter on ln metres, and what interrupts either.

steady.py     the three together, frame by frame
watch.py      cuts, repeated frames, a closed shutter
evidence.py   where the thermal picture changes by more than its noise
filter.py     the filter, whose gain follows that
flicker.py    how much depth changes where nothing does
settings.py   how much is remembered
"""

from thermodepth.video.flicker import Flicker
from thermodepth.video.settings import SteadySettings
from thermodepth.video.steady import SteadyVideo
from thermodepth.video.watch import Verdict

__all__ = ["Flicker", "SteadySettings", "SteadyVideo", "Verdict"]
