"""Files that cannot be read."""

from __future__ import annotations

from collections.abc import Iterator

from thermodepth.doctor.evidence import Evidence
from thermodepth.doctor.finding import Finding, Severity, finding

OPENS = "opens"
READABLE = "readable"


def opens(evidence: Evidence) -> Iterator[Finding]:
    """The reader's own words, when it refused the set; the files were looked at one by one then."""
    if evidence.subject.failure:
        yield finding(
            OPENS,
            Severity.ERROR,
            f"the data set does not open: {evidence.subject.failure}",
            [evidence.subject.spec],
            total=1,
            meaning="no command can use it; below is what its files alone say",
            remedy="mend what the reader names, then check again",
        )


def readable(evidence: Evidence) -> Iterator[Finding]:
    """Frames that were refused, and files that are cut off although no frame that was read uses them."""
    refused = [f"{frame.name}: {frame.problem}" for frame in evidence.frames if frame.problem]
    if refused:
        yield finding(
            READABLE,
            Severity.ERROR,
            f"{len(refused)} {'files' if evidence.subject.is_tree else 'frames'} cannot be read",
            refused,
            total=len(evidence.frames),
            meaning="a training stops at the first of them",
            remedy="do as each line says; copy or download damaged files again, and remove the frames when "
            "the source is broken too",
        )
    reported_names = {frame.name for frame in evidence.frames if frame.problem}
    if not evidence.subject.is_tree:  # frames have ids; their problems begin with a path
        for frame in evidence.frames:
            parts = frame.problem.partition(": ")[0].split("/")
            reported_names.update("/".join(parts[i:]) for i in range(len(parts)))
    cut = [
        f"{file.name}: {file.problem or ('empty' if not file.size_bytes else 'has no end mark')}"
        for file in evidence.files
        if (file.cut_off or file.problem) and file.name not in reported_names
    ]
    if cut:
        yield finding(
            READABLE,
            Severity.ERROR,
            f"{len(cut)} files are cut off",
            cut,
            total=len(evidence.files),
            meaning="a copy or download ended early: the picture is not all there",
            remedy="copy or download these files again",
        )
