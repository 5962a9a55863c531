"""Reading a published ablation table for what it can carry."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from thermodepth.cli.options import OptionalPath
from thermodepth.threads import set_thread_policy


def study_audit(
    table: Annotated[
        OptionalPath,
        typer.Argument(
            help="CSV with the columns arm, factors of 0 and 1, metrics. Default: the paper's Table 1."
        ),
    ] = None,
    noise: Annotated[
        list[str],
        typer.Option(help="METRIC=SD, the spread of one run over seeds. Repeatable."),
    ] = [],  # noqa: B006
    noise_below: Annotated[
        list[str],
        typer.Option(help="METRIC=X: differences of two runs below X are noise. Repeatable."),
    ] = [],  # noqa: B006
    factors: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="A,B: the factor columns. Default: those of 0 and 1."),
    ] = None,
    metric: Annotated[
        list[str],
        typer.Option(
            help="NAME=lower or NAME=higher: a column that is a metric unknown here. Repeatable."
        ),
    ] = [],  # noqa: B006
    reference: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="The arm to compare with. Default: the one with every factor on."),
    ] = None,
    correlation: Annotated[
        float,
        typer.Option(help="Between arms that share a seed, for the seeds needed; 0 for none."),
    ] = 0.45,
    out: Annotated[
        OptionalPath, typer.Option(help="Folder for the tables as md, csv and tex.")
    ] = None,
) -> None:
    """What a published ablation table of one run per arm can and cannot carry."""
    set_thread_policy(1)
    from thermodepth.commands.audit import audit_table

    audit_table(
        table,
        noise=noise,
        noise_below=noise_below,
        factors=[name.strip() for name in factors.split(",")] if factors else [],
        metrics=metric,
        reference=reference,
        correlation=correlation,
        out=out,
    )
