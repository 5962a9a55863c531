"""`study analyze`: the statistics of a study on anybody's results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from thermodepth.cli.options import With, load_with


def study_analyze(
    results: Annotated[
        Path,
        typer.Argument(
            help="CSV or parquet with the columns arm, seed, image, metric, value and perhaps cluster; or a "
            "study's folder or its rows.parquet."
        ),
    ],
    reference: Annotated[
        str, typer.Option(help="The arm that changes are relative to. Default: full, or the first.")
    ] = "",
    metrics: Annotated[
        str,
        typer.Option(help="Which, with commas; METRIC.spread and the like too. Default: all."),
    ] = "",
    primary: Annotated[
        str,
        typer.Option(
            help="Metrics that verdicts are given for, with commas. Default: all with a known direction."
        ),
    ] = "",
    lower: Annotated[
        str,
        typer.Option(help="Metrics of a CSV that are better when lower, with commas."),
    ] = "",
    higher: Annotated[
        str,
        typer.Option(
            help="Those that are better when higher. A metric whose name tells no direction has no verdict "
            "without either."
        ),
    ] = "",
    smallest_effect: Annotated[
        float, typer.Option(help="What is too small to matter, as a share of the reference.")
    ] = 0.01,
    claims: Annotated[
        str, typer.Option(help="Claims to judge: paper, or none. Default: none.")
    ] = "none",
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Folder for the tables (md, csv, tex) and METHODS.md."),
    ] = None,
    extensions: With = [],  # noqa: B006
) -> None:
    """Effects, interactions and verdicts with intervals over seeds and scenes.

    Every number is a contrast over arms. Arms named full, no-A, no-A-no-B are read as a design.
    """
    load_with(extensions)
    from thermodepth.commands.analyze import analyze_results

    analyze_results(
        results,
        reference=reference,
        metrics=metrics,
        primary=primary,
        lower=lower,
        higher=higher,
        smallest_effect=smallest_effect,
        claims=claims,
        out=out,
    )
