"""`thermodepth study audit`: what a published one-run ablation table can and cannot carry."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.padding import Padding
from rich.text import Text

from thermodepth.commands.terminal import console
from thermodepth.errors import SettingsError
from thermodepth.files import write_text
from thermodepth.report.audit.tables import audit_tables
from thermodepth.report.audit.words import audit_page, audit_words, head_lines
from thermodepth.statistics.audit.audit import audit
from thermodepth.statistics.audit.noise import noise_levels
from thermodepth.statistics.audit.published import read_published, shipped_table

PAGE = "audit.md"


def audit_table(
    path: Path | None,
    *,
    noise: Sequence[str],
    noise_below: Sequence[str],
    factors: Sequence[str],
    metrics: Sequence[str],
    reference: str | None,
    correlation: float,
    out: Path | None,
) -> None:
    """Read, print, and with `out` write the page and every table.

    Raises:
        DataError: naming line and column, for a file that is no such table.
        SettingsError: for an option that does not fit the table, or an `out` that is a file.
    """
    if out is not None and out.exists() and not out.is_dir():
        raise SettingsError(f"--out {out}: is a file, expected a folder")
    table = read_published(
        path or shipped_table(), factors=factors, metrics=metrics, reference=reference
    )
    found = audit(
        table,
        noise=noise_levels(table, sd=noise, below=noise_below),
        correlation=correlation,
    )
    tables = audit_tables(found)
    for line in head_lines(found):
        console.print(Text(line), soft_wrap=True)
    for shown in tables.values():
        console.print()
        console.print(shown.rich())
    for heading, sentences in audit_words(found):
        console.print(Text(heading, style="bold"))
        for sentence in sentences:
            console.print(Padding(Text(sentence), (0, 0, 0, 2), expand=False))
        console.print()
    if out is not None:
        from thermodepth.report.study.tables import write_tables

        write_text(out / PAGE, audit_page(found, tables))
        for written in (out / PAGE, *write_tables(out, tables)):
            console.print(f"  {written}", soft_wrap=True, markup=False)
