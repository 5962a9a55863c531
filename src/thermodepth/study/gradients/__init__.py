"""What gradient diagnostics of finished runs say: a diagnostic, never a verdict.

records.py   the files of a run, read back
arms.py      which arms of a study have any
averages.py  means over probes with intervals, conflict frequency, cosines with the steps taken

`report.gradients` prints them.
"""

from thermodepth.study.gradients.averages import (
    AlongStep,
    Average,
    Conflict,
    along_steps,
    average,
    conflicts,
)
from thermodepth.study.gradients.records import GradientRecord, read_arm_gradients, read_gradients

__all__ = [
    "AlongStep",
    "Average",
    "Conflict",
    "GradientRecord",
    "along_steps",
    "average",
    "conflicts",
    "read_arm_gradients",
    "read_gradients",
]
