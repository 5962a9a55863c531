"""`thermodepth check-extension`: contracts kept and broken, row by row."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from thermodepth.commands.evaluate_subjects import teacher_settings
from thermodepth.commands.terminal import console
from thermodepth.contracts import Examples, Verdict, verdicts_of
from thermodepth.errors import SettingsError
from thermodepth.extensions import installed_extensions, load_extension


def list_extensions() -> None:
    """A line for each installed extension; none of them is imported."""
    installed = installed_extensions()
    for name, point in sorted(installed.items()):
        package = "" if point.dist is None else f" ({point.dist.name} {point.dist.version})"
        console.print(Text(f"{name}: {point.value}{package}"), soft_wrap=True)
    if not installed:
        console.print("no extension is installed; packages offer them as thermodepth.extensions")


def check_extension_file(source: str, *, data: Sequence[str], teachers: Sequence[str]) -> bool:
    """Load it, hold every row against its contracts, and print what is broken.

    Args:
        source: a .py file, which is run, or the name of an installed extension.
        data: NAME:PATH of a small set for each data set in it.
        teachers: KIND:MODEL[:GEOMETRY] of teachers that need a model.

    Returns:
        Whether every contract is kept.

    Raises:
        SettingsError: for a file that cannot be loaded, or an example of no row in it.
    """
    extension = load_extension(source)
    examples = Examples(
        datasets={text.partition(":")[0]: text for text in data},
        teachers={
            settings.kind: settings for settings in map(teacher_settings, teachers) if settings
        },
    )
    brought = {name for _, name in extension.rows}
    for option, names in (("--data", examples.datasets), ("--teacher", examples.teachers)):
        for name in names:
            if name not in brought:
                raise SettingsError(f"{option} {names[name]}: {source} has no row '{name}'")
    console.print(Text(extension.words()), soft_wrap=True)
    by_row: dict[str, list[Verdict]] = {}
    for verdict in verdicts_of(extension, examples):
        by_row.setdefault(f"{verdict.kind} {verdict.row}", []).append(verdict)
    for row, verdicts in by_row.items():
        _print_row(row, verdicts)
    return all(verdict.holds for verdicts in by_row.values() for verdict in verdicts)


def _print_row(row: str, verdicts: Sequence[Verdict]) -> None:
    broken = [verdict for verdict in verdicts if not verdict.holds]
    words = f"breaks {len(broken)} of {len(verdicts)}" if broken else f"keeps all {len(verdicts)}"
    console.print(Text(f"{row}: {words} contracts"), soft_wrap=True)
    for verdict in broken:
        console.print(Text(f"  {verdict.contract}: {verdict.failure}"), soft_wrap=True)
        console.print(Text(f"    promised: {verdict.promise}", style="dim"), soft_wrap=True)
