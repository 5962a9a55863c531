"""`thermodepth check-extension`: a user's own rows, held against the contracts of ours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from thermodepth.errors import SettingsError
from thermodepth.threads import set_thread_policy

if TYPE_CHECKING:
    from thermodepth.contracts import Examples, Verdict
    from thermodepth.extensions import Extension

Source = Annotated[
    str,
    typer.Argument(
        help="A .py file with ROWS, which is run, or the name of an installed extension. Default: the "
        "installed ones are listed."
    ),
]
Data = Annotated[
    list[str],
    typer.Option(
        "--data", help="NAME:PATH of a small set, for each data set in the file. Repeatable."
    ),
]
Teachers = Annotated[
    list[str],
    typer.Option(
        "--teacher",
        help="KIND:MODEL[:GEOMETRY], for each kind of teacher in it that needs a model. Repeatable.",
    ),
]


def check_extension(source: Source = "", data: Data = [], teacher: Teachers = []) -> None:
    """Hold your own terms, metrics, data sets, teachers, encoders and normalisers against our contracts.

    Exits with 0 when every row keeps every contract, else with 1, naming those that are broken.
    """
    set_thread_policy(1)
    from rich.text import Text

    from thermodepth.cli.subjects import teacher_settings
    from thermodepth.cli.terminal import console
    from thermodepth.contracts import Examples, verdicts_of
    from thermodepth.extensions import load_extension

    if not source:
        _list_installed()
        return
    extension = load_extension(source)
    examples = Examples(
        datasets={text.partition(":")[0]: text for text in data},
        teachers={
            settings.kind: settings for settings in map(teacher_settings, teacher) if settings
        },
    )
    _check_examples(extension, examples, source)
    console.print(Text(extension.words()), soft_wrap=True)
    by_row: dict[str, list[Verdict]] = {}
    for verdict in verdicts_of(extension, examples):
        by_row.setdefault(f"{verdict.kind} {verdict.row}", []).append(verdict)
    for row, verdicts in by_row.items():
        _print_row(row, verdicts)
    if not all(verdict.holds for verdicts in by_row.values() for verdict in verdicts):
        raise typer.Exit(1)


def _list_installed() -> None:
    """A line for each installed extension; none of them is imported."""
    from rich.text import Text

    from thermodepth.cli.terminal import console
    from thermodepth.extensions import installed_extensions

    installed = installed_extensions()
    for name, point in sorted(installed.items()):
        package = "" if point.dist is None else f" ({point.dist.name} {point.dist.version})"
        console.print(Text(f"{name}: {point.value}{package}"), soft_wrap=True)
    if not installed:
        console.print("no extension is installed; packages offer them as thermodepth.extensions")


def _check_examples(extension: Extension, examples: Examples, source: str) -> None:
    """
    Raises:
        SettingsError: for an example of no row of the extension.
    """
    brought = {name for _, name in extension.rows}
    for option, names in (("--data", examples.datasets), ("--teacher", examples.teachers)):
        for name in names:
            if name not in brought:
                raise SettingsError(f"{option} {names[name]}: {source} has no row '{name}'")


def _print_row(row: str, verdicts: Sequence[Verdict]) -> None:
    from rich.text import Text

    from thermodepth.cli.terminal import console

    broken = [verdict for verdict in verdicts if not verdict.holds]
    result = f"breaks {len(broken)} of {len(verdicts)}" if broken else f"keeps all {len(verdicts)}"
    console.print(Text(f"{row}: {result} contracts"), soft_wrap=True)
    for verdict in broken:
        console.print(Text(f"  {verdict.contract}: {verdict.failure}"), soft_wrap=True)
        console.print(Text(f"    promised: {verdict.promise}", style="dim"), soft_wrap=True)
