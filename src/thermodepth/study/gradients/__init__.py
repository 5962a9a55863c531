"""What gradient diagnostics of finished runs say: a diagnostic, never a verdict.

records.py   the files of a run, read back
averages.py  means over probes with intervals, conflict frequency
tables.py    shares per term, cosines per pair, and the notes under them
pictures.py  shares over steps, the cosine matrix, maps of conflict
"""

from thermodepth.study.gradients.averages import Average, Conflict, average, conflicts
from thermodepth.study.gradients.pictures import (
    draw_conflict,
    draw_cosines,
    draw_shares,
    write_gradients,
)
from thermodepth.study.gradients.records import GradientRecord, read_arm_gradients, read_gradients
from thermodepth.study.gradients.tables import cosine_table, share_table

__all__ = [
    "Average",
    "Conflict",
    "GradientRecord",
    "average",
    "conflicts",
    "cosine_table",
    "draw_conflict",
    "draw_cosines",
    "draw_shares",
    "read_arm_gradients",
    "read_gradients",
    "share_table",
    "write_gradients",
]
