"""The pages of docs say every metric and every protocol as the code has them."""

from pathlib import Path

from thermodepth.evaluation.protocols.presets import SOURCES
from thermodepth.evaluation.protocols.protocol import PROTOCOLS
from thermodepth.evaluation.protocols.resize import RESIZED_IN
from thermodepth.metrics import ERRORS, EXPECTED, MAP_FAMILIES, METRICS
from thermodepth.report.table import Column, Heading, Table

DOCS = Path(__file__).parents[3] / "docs"


def metric_table() -> Table:
    """One line a metric: family, definition, where it comes from."""
    families = [("depth error", tuple(ERRORS.values()))]
    families += [(family.name.replace("_", " "), family.rows) for family in MAP_FAMILIES.values()]
    families.append(("expected error", tuple(EXPECTED.values())))
    labels = ("family", "metric", "printed as", "definition", "source")
    return Table(
        title="Metrics",
        columns=tuple(Column(label=label, align="left") for label in labels),
        rows=tuple(
            (
                family,
                row.name,
                Heading(label=row.heading, better=row.better, optimum=row.optimum),
                row.definition,
                row.source,
            )
            for family, rows in families
            for row in rows
        ),
        notes=("p prediction, d truth; ↓ ↑ → what is better.",),
    )


def protocol_table() -> Table:
    """One line a preset: what of it differs between them, and where it comes from."""
    labels = ("protocol", "truth", "range (m)", "crop", "alignment", "resized in", "source")
    return Table(
        title="Protocols with a name",
        columns=tuple(Column(label=label, align="left") for label in labels),
        rows=tuple(
            (
                name,
                protocol.truth or "as read",
                f"{protocol.min_depth_m:g} to {protocol.max_depth_m:g}",
                protocol.crop.words() if protocol.crop else "none",
                protocol.alignment_words(),
                RESIZED_IN[protocol.resize]
                + ("" if protocol.grid == "centres" else f", {protocol.grid} on each other"),
                SOURCES[name],
            )
            for name, protocol in PROTOCOLS.items()
        ),
        notes=(
            "In all: bounds strict, fits to raw values, predictions limited to the range after them, mean "
            "over frames, no mask, frames of 1 pixel or more, frame list settled when frames are scored.",
        ),
    )


def test_the_page_of_evaluations_has_every_metric():
    table = metric_table().markdown().strip()
    assert table in (DOCS / "evaluation.md").read_text(encoding="utf-8"), table
    assert all(f"| {name} |" in table for name in METRICS)


def test_the_page_of_protocols_has_every_preset():
    table = protocol_table().markdown().strip()
    assert table in (DOCS / "protocols.md").read_text(encoding="utf-8"), table
    assert all(f"| {name} |" in table for name in PROTOCOLS)
