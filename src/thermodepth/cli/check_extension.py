"""`check-extension`: a user's own rows, held against the contracts of ours."""

from __future__ import annotations

from typing import Annotated

import typer

from thermodepth.threads import set_thread_policy


def check_extension(
    source: Annotated[
        str,
        typer.Argument(
            help="A .py file with ROWS, which is run, or the name of an installed extension. Default: the "
            "installed ones are listed."
        ),
    ] = "",
    data: Annotated[
        list[str],
        typer.Option(
            "--data", help="NAME:PATH of a small set, for each data set in the file. Repeatable."
        ),
    ] = [],  # noqa: B006
    teacher: Annotated[
        list[str],
        typer.Option(
            "--teacher",
            help="KIND:MODEL[:GEOMETRY], for each kind of teacher in it that needs a model. Repeatable.",
        ),
    ] = [],  # noqa: B006
) -> None:
    """Hold your own terms, metrics, data sets, teachers, encoders and normalisers against our contracts.

    Exits with 0 when every row keeps every contract, else with 1, naming those that are broken.
    """
    set_thread_policy(1)
    from thermodepth.commands.check_extension import check_extension_file, list_extensions

    if not source:
        list_extensions()
        return
    if not check_extension_file(source, data=data, teachers=teacher):
        raise typer.Exit(1)
