"""What gradient diagnostics of finished runs say: a diagnostic, never a verdict.

records.py   the files of a run, read back
arms.py      which arms of a study have any
averages.py  means over probes with intervals, conflict frequency, cosines with the steps taken
tables.py    shares per term, cosines per pair, and the notes under them
pictures.py  shares over steps, the cosine matrix, maps of conflict
writing.py   tables and pictures as files
section.py   the same for a study's page
"""

from thermodepth.study.gradients.averages import (
    AlongStep,
    Average,
    Conflict,
    along_steps,
    average,
    conflicts,
)
from thermodepth.study.gradients.pictures import draw_conflict, draw_cosines, draw_shares
from thermodepth.study.gradients.records import GradientRecord, read_arm_gradients, read_gradients
from thermodepth.study.gradients.section import gradients_section
from thermodepth.study.gradients.tables import cosine_table, share_table, step_table
from thermodepth.study.gradients.writing import write_gradients, write_study_gradients

__all__ = [
    "AlongStep",
    "Average",
    "Conflict",
    "GradientRecord",
    "along_steps",
    "average",
    "conflicts",
    "cosine_table",
    "draw_conflict",
    "draw_cosines",
    "draw_shares",
    "gradients_section",
    "read_arm_gradients",
    "read_gradients",
    "share_table",
    "step_table",
    "write_gradients",
    "write_study_gradients",
]
