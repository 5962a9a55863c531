"""What the loss terms weigh: the table behind every reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from thermodepth.report.study.readings import WHAT
from thermodepth.report.table import Cell, Column, Table
from thermodepth.statistics.labels import counted
from thermodepth.statistics.switched import UNKNOWN, MapShare
from thermodepth.study.results.shares import MAP_NAMES, StudyShares, TermWeight


def shares_table(shares: StudyShares, titles: Mapping[str, str]) -> Table:
    """A line for each term and output map that it acts on: the reference's, then what arms have otherwise.

    Args:
        shares: of the study.
        titles: of its arms.
    """
    looks = [m for line in shares.terms for m in (line.shares.maps or {}).values()]
    bands = list(next((look.bands for look in looks), {}))
    rows: list[tuple[Cell, ...]] = []
    for line in shares.terms:
        rows += [
            (titles[line.arm], line.term, line.reading, _percent(line.shares.loss), *cells)
            for cells in _map_cells(line, bands)
        ]
    notes = [f"In percent. {WHAT}"]
    if shares.frames:
        notes.append(
            f"Gradients on {counted(shares.frames, 'training frame')} of each of "
            f"{counted(shares.seeds, 'seed')}; bands by the truth's distance, as errors are told by "
            "distance. A pixel at which no term pulls counts in none."
        )
    else:
        notes.append(f"Shares of the gradients: {UNKNOWN}, as in cells of earlier versions.")
    return Table(
        title="What each loss term weighs",
        columns=(
            *(
                Column(label=label, align="left")
                for label in ("Configuration", "Term", "Form and weight")
            ),
            Column(label="loss", digits=2),
            Column(label="Gradient at", align="left"),
            *(Column(label=label, digits=2) for label in ("all", *bands, "no truth")),
        ),
        rows=tuple(rows),
        notes=tuple(notes),
        label="tab:study-shares",
    )


def _map_cells(line: TermWeight, bands: Sequence[str]) -> list[tuple[Cell, ...]]:
    maps = line.shares.maps
    if not maps:
        where = UNKNOWN if maps is None else "neither map"
        return [(where, None, *(None for _ in bands), None)]
    ordered = [name for name in MAP_NAMES.values() if name in maps]
    return [(name, *_of_map(maps[name], bands)) for name in ordered]


def _of_map(share: MapShare, bands: Sequence[str]) -> tuple[Cell, ...]:
    by_band = (_percent(share.bands.get(band)) for band in bands)
    return (_percent(share.whole), *by_band, _percent(share.without_truth))


def _percent(share: float | None) -> float | None:
    return None if share is None else 100.0 * share
