"""Results as one page of HTML that needs no network.

page.py      what an evaluation's page holds, and the page
scenes.py    a picked frame: its pictures side by side, and the viewer that sweeps between two of them, with
             viewer.css and viewer.js; the study's page shows frames with it too
pictures.py  maps to coloured pictures, small enough for a page
figures.py   charts as SVG: scatter, error against range, ledger
scale.py     where values stand on an axis or colour bar
skeleton.py  what the study's page is made of too: document, tables, facts; with base.css and sort.js
"""

from thermodepth.evaluation.page.page import EvaluationPage, PageSection, page_html, write_page
from thermodepth.evaluation.page.scenes import PickedScene

__all__ = ["EvaluationPage", "PageSection", "PickedScene", "page_html", "write_page"]
