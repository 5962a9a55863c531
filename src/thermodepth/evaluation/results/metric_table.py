"""The table of metrics, for the page of docs and for the terminal."""

from __future__ import annotations

from thermodepth.evaluation.results.tables import Column, Table
from thermodepth.metrics import ERRORS, EXPECTED, MAP_FAMILIES, MetricRow


def metric_table() -> Table:
    """One line a metric: family, definition, where it comes from."""
    families: list[tuple[str, tuple[MetricRow, ...]]] = [("depth error", tuple(ERRORS.values()))]
    families += [(family.name.replace("_", " "), family.rows) for family in MAP_FAMILIES.values()]
    families.append(("expected error", tuple(EXPECTED.values())))
    lines = [
        (family, row.name, _heading(row), row.definition, row.source)
        for family, rows in families
        for row in rows
    ]
    labels = ("family", "metric", "printed as", "definition", "source")
    return Table(
        title="Metrics",
        columns=tuple(Column(label=label, align="left") for label in labels),
        rows=tuple(lines),
        notes=("p prediction, d truth; ↓ ↑ → what is better.",),
    )


def _heading(row: MetricRow) -> str:
    return Column(label=row.heading, better=row.better, optimum=row.optimum).heading
