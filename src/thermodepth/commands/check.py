"""`thermodepth data check`: what is wrong with a data set, for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.padding import Padding
from rich.text import Text

from thermodepth.commands.terminal import console, counting
from thermodepth.doctor import CHECKS, Finding, Report, Severity, examine
from thermodepth.doctor.examine import Progress
from thermodepth.errors import SettingsError
from thermodepth.files import write_json

FORMAT, VERSION = "thermodepth data check", 1
SHOWN_NAMES = 4
EXIT_WARNINGS, EXIT_ERRORS = 1, 3  # 2 is a mistake in the command itself

_STYLE = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}


def check(data: str, *, json: Path | None, frames: int | None, strict: bool) -> int:
    """Examine, print, write; returns the exit code.

    Raises:
        SettingsError: for a JSON file that cannot be written.
        DataError: for a data set or folder that is not there.
    """
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
        return EXIT_ERRORS
    return EXIT_WARNINGS if strict and report.count(Severity.WARNING) else 0


def report_tree(report: Report) -> dict[str, Any]:
    """The report as plain JSON values; its form is described in docs/doctor.md."""
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
                "findings": sum(found.check == row.name for found in report.findings),
            }
            for row in CHECKS.values()
        ],
        "findings": [_as_row(found) for found in report.findings],
    }


def _as_row(finding: Finding) -> dict[str, Any]:
    return {"of" if key == "total" else key: value for key, value in asdict(finding).items()}


@contextmanager
def _progress() -> Iterator[Progress]:
    """A bar a stage, the next one when the last is done."""
    with ExitStack() as open_bars:
        bars: dict[str, Any] = {}

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in bars:
                open_bars.close()
                bars[stage] = open_bars.enter_context(counting(stage))
            bars[stage](done, total)

        yield tell


def _print(report: Report) -> None:
    _line(f"{report.spec}: {report.note}")
    looked = f"{report.frames_read} of {report.frames} frames read"
    if report.files_hashed:
        looked += f", {report.files_hashed} files hashed ({report.bytes_hashed / 1e6:.1f} MB)"
    _line(f"{looked}, {len(CHECKS)} checks, {report.seconds:.1f} s")
    if report.frames_read < report.frames:
        _line("Only a sample was read: what one frame alone shows may be missed.")
    for found in report.findings:
        _print_finding(found)
    tally = ", ".join(_count(report.count(severity), severity) for severity in Severity)
    _line(f"\n{tally}" if report.findings else "\nnothing found")


def _print_finding(found: Finding) -> None:
    label = Text(f"{found.severity} [{found.check}] ", style=_STYLE[found.severity])
    console.print()
    console.print(label.append(_plain(found.title), style="default"), soft_wrap=True)
    for name in found.names[:SHOWN_NAMES]:
        _line(f"    {name}")
    if (more := found.count - SHOWN_NAMES) > 0:
        _line(f"    and {more} more")
    for word, text in (("means", found.meaning), ("do", found.remedy)):
        console.print(Padding(Text(f"{word}: {text}"), (0, 0, 0, 2), expand=False))


def _line(text: str) -> None:
    console.print(Text(_plain(text)), soft_wrap=True)


def _count(number: int, severity: Severity) -> str:
    return f"{number} {severity}{'' if number == 1 else 's'}"


def _plain(text: str) -> str:
    """File names may hold what a terminal would obey."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)
