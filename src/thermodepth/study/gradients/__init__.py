"""What gradient diagnostics of finished runs say: a diagnostic, never a verdict.

records.py   the files of a run, read back
arms.py      which arms of a study have any, and their files
averages.py  means over probes with intervals, conflict frequency, cosines with the steps taken
findings.py  every number that is printed of an arm

`report.gradients` prints them.
"""

from thermodepth.study.gradients.arms import ArmDiagnostics, read_arm, read_diagnostics, read_runs
from thermodepth.study.gradients.averages import (
    AlongStep,
    Average,
    Conflict,
    along_steps,
    average,
    conflicts,
)
from thermodepth.study.gradients.findings import ArmGradients, arm_gradients
from thermodepth.study.gradients.records import GradientRecord, read_gradients

__all__ = [
    "AlongStep",
    "ArmDiagnostics",
    "ArmGradients",
    "Average",
    "Conflict",
    "GradientRecord",
    "along_steps",
    "arm_gradients",
    "average",
    "conflicts",
    "read_arm",
    "read_diagnostics",
    "read_gradients",
    "read_runs",
]
