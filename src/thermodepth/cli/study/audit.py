"""`thermodepth study audit`: what a published one-run ablation table can and cannot carry."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thermodepth.errors import SettingsError
from thermodepth.threads import set_thread_policy

if TYPE_CHECKING:
    from thermodepth.report.table import Table
    from thermodepth.statistics.audit.audit import Audit

PAGE = "audit.md"

PublishedTable = Annotated[
    Path | None,
    typer.Argument(
        help="CSV with the columns arm, factors of 0 and 1, metrics. Default: the paper's Table 1."
    ),
]
Noise = Annotated[
    list[str], typer.Option(help="METRIC=SD, the spread of one run over seeds. Repeatable.")
]
NoiseBelow = Annotated[
    list[str],
    typer.Option(help="METRIC=X: differences of two runs below X are noise. Repeatable."),
]
Factors = Annotated[
    str | None, typer.Option(help="A,B: the factor columns. Default: those of 0 and 1.")
]
Metric = Annotated[
    list[str],
    typer.Option(
        help="NAME=lower or NAME=higher: a column that is a metric unknown here. Repeatable."
    ),
]
Reference = Annotated[
    str | None,
    typer.Option(help="The arm to compare with. Default: the one with every factor on."),
]
Correlation = Annotated[
    float,
    typer.Option(help="Between arms that share a seed, for the seeds needed; 0 for none."),
]
Out = Annotated[Path | None, typer.Option(help="Folder for the tables as md, csv and tex.")]


def audit(
    table: PublishedTable = None,
    noise: Noise = [],
    noise_below: NoiseBelow = [],
    factors: Factors = None,
    metric: Metric = [],
    reference: Reference = None,
    correlation: Correlation = 0.45,
    out: Out = None,
) -> None:
    """What a published ablation table of one run per arm can and cannot carry."""
    set_thread_policy(1)
    from thermodepth.report.audit.tables import audit_tables
    from thermodepth.statistics.audit.audit import audit as audit_of
    from thermodepth.statistics.audit.noise import noise_levels
    from thermodepth.statistics.audit.published import read_published, shipped_table

    if out is not None and out.exists() and not out.is_dir():
        raise SettingsError(f"--out {out}: is a file, expected a folder")
    published = read_published(
        table or shipped_table(),
        factors=[name.strip() for name in factors.split(",")] if factors else [],
        metrics=metric,
        reference=reference,
    )
    levels = noise_levels(published, sd=noise, below=noise_below)
    result = audit_of(published, noise=levels, correlation=correlation)
    tables = audit_tables(result)
    _print(result, tables)
    if out is not None:
        _write(result, tables, out)


def _print(result: Audit, tables: dict[str, Table]) -> None:
    from rich.padding import Padding
    from rich.text import Text

    from thermodepth.cli.terminal import console
    from thermodepth.report.audit.words import audit_words, head_lines

    for line in head_lines(result):
        console.print(Text(line), soft_wrap=True)
    for table in tables.values():
        console.print()
        console.print(table.rich())
    for heading, sentences in audit_words(result):
        console.print(Text(heading, style="bold"))
        for sentence in sentences:
            console.print(Padding(Text(sentence), (0, 0, 0, 2), expand=False))
        console.print()


def _write(result: Audit, tables: dict[str, Table], out: Path) -> None:
    from thermodepth.cli.terminal import console
    from thermodepth.files import write_text
    from thermodepth.report.audit.words import audit_page
    from thermodepth.report.table import write_tables

    write_text(out / PAGE, audit_page(result, tables))
    for path in (out / PAGE, *write_tables(out, tables)):
        console.print(f"  {path}", soft_wrap=True, markup=False)
