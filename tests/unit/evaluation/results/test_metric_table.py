"""The page of docs says every metric as the code has it."""

from pathlib import Path

from thermodepth.evaluation.results.metric_table import metric_table
from thermodepth.metrics import METRICS

PAGE = Path(__file__).parents[4] / "docs" / "evaluation.md"


def test_the_page_shows_the_table_as_it_is():
    table = metric_table().markdown().strip()
    assert table in PAGE.read_text(encoding="utf-8"), "put in what metric_table() gives"
    assert all(f"| {name} |" in table for name in METRICS)
