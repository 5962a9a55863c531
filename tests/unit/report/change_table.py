"""A printed table of changes with intervals, for the tests of every form of printing."""

from thermodepth.report.table import Column, Interval, Number, Table

CHANGES = Table(
    title="Changes",
    columns=(
        Column(label="arm", align="left"),
        Column(label="Δ (%)", digits=1, signed=True),
        Column(label="95 %", signed=True),
    ),
    rows=(
        ("full", None, None),
        ("a", Interval(-1.25, 3.0, 1, value=0.875), Interval(-0.04, 12.0, 1)),
        ("b", Number(7.0, 0), None),
    ),
    notes=("Protocol toy-1; 3 seeds", "A 95 % interval.", "Small print."),
    caption_notes=2,
    label="tab:changes",
)
