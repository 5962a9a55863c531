"""Gradient diagnostics, printed.

tables.py    shares per term, cosines per pair, and the notes under them
pictures.py  shares over steps, the cosine matrix, maps of conflict
writing.py   tables and pictures as files
section.py   the same for a study's page
"""

from thermodepth.report.gradients.pictures import draw_conflict, draw_cosines, draw_shares
from thermodepth.report.gradients.section import gradients_section
from thermodepth.report.gradients.tables import cosine_table, share_table, step_table
from thermodepth.report.gradients.writing import write_gradients, write_study_gradients

__all__ = [
    "cosine_table",
    "draw_conflict",
    "draw_cosines",
    "draw_shares",
    "gradients_section",
    "share_table",
    "step_table",
    "write_gradients",
    "write_study_gradients",
]
