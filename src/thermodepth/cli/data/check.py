"""`thermodepth data check`: what is wrong with a data set, for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thermodepth.cli.options import JsonReport
from thermodepth.errors import SettingsError
from thermodepth.threads import set_thread_policy

if TYPE_CHECKING:
    from thermodepth.doctor import Finding, Report, Severity
    from thermodepth.doctor.examine import Progress

FORMAT, VERSION = "thermodepth data check", 1
LISTED_NAMES = 4  # of a finding in the terminal; JSON has more
EXIT_WARNINGS, EXIT_ERRORS = 1, 3  # 2 is a mistake in the command itself

STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}  # by severity

Data = Annotated[
    str,
    typer.Argument(
        help="A data set as everywhere, a folder of pictures, or a recording: a video, a stack, a bag, ..."
    ),
]
FrameCount = Annotated[
    int | None,
    typer.Option(
        min=1, help="Decode only about so many, evenly spread; every file is hashed either way."
    ),
]
Strict = Annotated[bool, typer.Option("--strict", help="Exit with 1 for warnings too.")]


def check(
    data: Data, json: JsonReport = None, frames: FrameCount = None, strict: Strict = False
) -> None:
    """What is wrong with a data set or a recording: broken files, frozen frames, wrong scales, leaks, ...

    Exits with 0 when there is no error, 1 for warnings with --strict, 3 for errors.
    """
    set_thread_policy()
    from thermodepth.doctor import Severity, examine
    from thermodepth.files import write_json

    if json is not None and json.is_dir():
        raise SettingsError(f"--json {json}: is a folder, expected a file to write")
    with _progress() as tell:
        report = examine(data, most_frames=frames, progress=tell)
    _print(report)
    if json is not None:
        try:
            write_json(json, report_tree(report))
        except OSError as error:
            raise SettingsError(
                f"--json {json}: cannot be written ({error.strerror or error})"
            ) from None
    if report.count(Severity.ERROR):
        raise typer.Exit(EXIT_ERRORS)
    raise typer.Exit(EXIT_WARNINGS if strict and report.count(Severity.WARNING) else 0)


def report_tree(report: Report) -> dict[str, Any]:
    """The report as plain JSON values; its form is described in docs/doctor.md."""
    from thermodepth.doctor import CHECKS, Severity

    return {
        "format": FORMAT,
        "version": VERSION,
        "data": report.spec,
        "note": report.note,
        "looked_at": {
            "frames": report.frames,
            "frames_read": report.frames_read,
            "files_hashed": report.files_hashed,
            "bytes_hashed": report.bytes_hashed,
            "seconds": round(report.seconds, 3),
        },
        "counts": {str(severity): report.count(severity) for severity in Severity},
        "checks": [
            {
                "name": row.name,
                "looks_for": row.looks_for,
                "findings": sum(finding.check == row.name for finding in report.findings),
            }
            for row in CHECKS.values()
        ],
        "findings": [_as_row(finding) for finding in report.findings],
    }


def _as_row(finding: Finding) -> dict[str, Any]:
    return {"of" if key == "total" else key: value for key, value in asdict(finding).items()}


@contextmanager
def _progress() -> Iterator[Progress]:
    """A bar a stage, the next one when the last is done."""
    from thermodepth.cli.terminal import counting

    with ExitStack() as open_bars:
        bars: dict[str, Any] = {}

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in bars:
                open_bars.close()
                bars[stage] = open_bars.enter_context(counting(stage))
            bars[stage](done, total)

        yield tell


def _print(report: Report) -> None:
    from thermodepth.doctor import CHECKS, Severity

    _line(f"{report.spec}: {report.note}")
    tally = f"{report.frames_read} of {report.frames} frames read"
    if report.files_hashed:
        tally += f", {report.files_hashed} files hashed ({report.bytes_hashed / 1e6:.1f} MB)"
    _line(f"{tally}, {len(CHECKS)} checks, {report.seconds:.1f} s")
    if report.frames_read < report.frames:
        _line("Only a sample was read: what one frame alone shows may be missed.")
    for finding in report.findings:
        _print_finding(finding)
    counts = ", ".join(_count(report.count(severity), severity) for severity in Severity)
    _line(f"\n{counts}" if report.findings else "\nnothing found")


def _print_finding(finding: Finding) -> None:
    from rich.padding import Padding
    from rich.text import Text

    from thermodepth.cli.terminal import console

    label = Text(f"{finding.severity} [{finding.check}] ", style=STYLES[finding.severity])
    console.print()
    console.print(label.append(_plain(finding.title), style="default"), soft_wrap=True)
    for name in finding.names[:LISTED_NAMES]:
        _line(f"    {name}")
    if (unlisted := finding.count - LISTED_NAMES) > 0:
        _line(f"    and {unlisted} more")
    for word, text in (("means", finding.meaning), ("do", finding.remedy)):
        console.print(Padding(Text(f"{word}: {text}"), (0, 0, 0, 2), expand=False))


def _line(text: str) -> None:
    from rich.text import Text

    from thermodepth.cli.terminal import console

    console.print(Text(_plain(text)), soft_wrap=True)


def _count(number: int, severity: Severity) -> str:
    return f"{number} {severity}{'' if number == 1 else 's'}"


def _plain(text: str) -> str:
    """File names may hold what a terminal would obey."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)
