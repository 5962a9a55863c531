"""The doctor of data sets: one pass over the frames, every known fault looked for, words a person can use.

report = examine("mm5:FOLDER")
[finding.title for finding in report.findings]
"""

from thermodepth.doctor.examine import Report, examine, examine_dataset
from thermodepth.doctor.finding import Finding, Severity
from thermodepth.doctor.registry import CHECKS, Check

__all__ = ["CHECKS", "Check", "Finding", "Report", "Severity", "examine", "examine_dataset"]
