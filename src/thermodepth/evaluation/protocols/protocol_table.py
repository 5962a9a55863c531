"""The table of presets, for the page of docs and for the terminal."""

from __future__ import annotations

from thermodepth.evaluation.protocols.presets import SOURCES
from thermodepth.evaluation.protocols.protocol import PROTOCOLS
from thermodepth.evaluation.protocols.resize import RESIZED_IN
from thermodepth.evaluation.results.tables import Column, Table


def protocol_table() -> Table:
    """One line a preset: what of it differs between them, and where it comes from."""
    labels = ("protocol", "truth", "range (m)", "crop", "alignment", "resized in", "source")
    lines = [
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
    ]
    return Table(
        title="Protocols with a name",
        columns=tuple(Column(label=label, align="left") for label in labels),
        rows=tuple(lines),
        notes=(
            "In all: bounds strict, fits to raw values, predictions limited to the range after them, mean "
            "over frames, no mask, frames of 1 pixel or more, frame list settled when frames are scored.",
        ),
    )
