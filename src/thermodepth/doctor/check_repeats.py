"""Pictures that come again: copies, and cameras that stood still."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from thermodepth.doctor.evidence import Evidence
from thermodepth.doctor.facts import Band, FrameFacts
from thermodepth.doctor.finding import Finding, Severity, finding

DUPLICATES = "duplicates"
FROZEN = "frozen"

#: The bands in which noise or life changes something in each frame. Depth of a scene without motion may
#: well be the same twice, above all where it is rendered.
_LIVELY = (Band.THERMAL, Band.RGB)


def duplicates(evidence: Evidence) -> Iterator[Finding]:
    """Frames equal in all bands; across splits that is a leak and told there."""
    by_content: dict[tuple[object, ...], list[FrameFacts]] = defaultdict(list)
    for frame in evidence.readable:
        digests = tuple((band, look.digest) for band, look in sorted(frame.looks.items()))
        if digests and not _is_empty(frame):
            by_content[(frame.split, *digests)].append(frame)
    copies = [
        group for group in by_content.values() if len(group) > 1 and not _one_run(evidence, group)
    ]
    if copies:
        yield finding(
            DUPLICATES,
            Severity.WARNING,
            f"{sum(len(g) - 1 for g in copies)} frames are copies of another one",
            [_names(group) for group in copies],
            total=len(evidence.readable),
            meaning="copies weigh more than other frames in training, and score twice in a test",
            remedy="keep one of each",
        )
    if evidence.sampled:
        yield from _equal_files(evidence)
    yield from _mixed_up(evidence)


def _equal_files(evidence: Evidence) -> Iterator[Finding]:
    """By the files themselves, when not all frames were decoded."""
    by_digest: dict[bytes, list[str]] = defaultdict(list)
    for file in evidence.files:
        if file.size_bytes:
            by_digest[file.digest].append(file.name)
    groups = [" = ".join(names[:4]) for names in by_digest.values() if len(names) > 1]
    if groups:
        yield finding(
            DUPLICATES,
            Severity.WARNING,
            f"{len(groups)} files have copies of the same bytes",
            groups,
            total=len(evidence.files),
            meaning="copies, or pictures that stood still; only sampled frames were decoded, so it is "
            "not known which, nor whether they are in two splits",
            remedy="look at the names; check again without --frames to be told which",
        )


def _mixed_up(evidence: Evidence) -> Iterator[Finding]:
    """One picture in two frames that differ otherwise: files were paired or copied wrongly."""
    if evidence.subject.is_tree:
        return
    for band in _LIVELY:
        by_digest: dict[bytes, list[FrameFacts]] = defaultdict(list)
        for frame in evidence.readable:
            if band in frame.looks:
                by_digest[frame.looks[band].digest].append(frame)
        groups = [
            group
            for group in by_digest.values()
            if len({_all_bands(frame) for frame in group}) > 1
            and not _neighbours(group)
            and len({frame.split for frame in group}) == 1
        ]
        if groups:
            yield finding(
                DUPLICATES,
                Severity.WARNING,
                f"{len(groups)} {band} pictures stand in several frames that differ otherwise",
                [_names(group) for group in groups],
                total=len(evidence.readable),
                meaning="at most one of these frames shows what its other bands show",
                remedy="pair the files again, by number or by time",
            )


def frozen(evidence: Evidence) -> Iterator[Finding]:
    """Equal pictures one after the other, while another band, or time, goes on."""
    for band in _LIVELY:
        runs = [run for run in _equal_runs(evidence, band) if not _copied(evidence, run)]
        if not runs:
            continue
        frames = sum(len(run) - 1 for run in runs)
        longest = max(len(run) for run in runs)
        yield finding(
            FROZEN,
            Severity.WARNING,
            f"the {band} picture stands still in {frames} frames ({len(runs)} times, at most {longest} "
            "frames long)",
            [f"{run[0].name} to {run[-1].name} ({len(run)} frames)" for run in runs],
            total=len(evidence.readable),
            meaning="a shutter event or dropped frames: the picture is older than the depth that belongs "
            "to it",
            remedy="leave out all but the first frame of each run",
        )


def _equal_runs(evidence: Evidence, band: Band) -> list[list[FrameFacts]]:
    runs: list[list[FrameFacts]] = []
    last: FrameFacts | None = None
    for frame in evidence.readable:
        if band not in frame.looks:
            continue
        if last is not None and _follows(last, frame):
            same = last.looks[band].digest == frame.looks[band].digest
            if same and runs and runs[-1][-1] is last:
                runs[-1].append(frame)
            elif same:
                runs.append([last, frame])
        last = frame
    return runs


def _follows(first: FrameFacts, second: FrameFacts) -> bool:
    return (
        second.index == first.index + 1
        and (second.split, second.sequence) == (first.split, first.sequence)
        and bool(first.looks)
    )


def _copied(evidence: Evidence, run: Sequence[FrameFacts]) -> bool:
    """Equal in all of several bands: a copied frame, told as such."""
    return not evidence.subject.is_tree and len({_all_bands(frame) for frame in run}) == 1


def _one_run(evidence: Evidence, group: Sequence[FrameFacts]) -> bool:
    """In a bare folder, where one file is one frame, neighbours that are equal are frozen."""
    return (
        evidence.subject.is_tree
        and any(band in group[0].looks for band in _LIVELY)
        and _neighbours(group)
    )


def _neighbours(group: Sequence[FrameFacts]) -> bool:
    return all(_follows(a, b) for a, b in pairwise(group))


def _all_bands(frame: FrameFacts) -> tuple[bytes, ...]:
    return tuple(look.digest for _, look in sorted(frame.looks.items()))


def _is_empty(frame: FrameFacts) -> bool:
    """Empty depth maps of a bare folder are equal, and told of as empty."""
    return set(frame.looks) == {Band.DEPTH} and frame.depth is not None and not frame.depth.valid


def _names(group: Sequence[FrameFacts]) -> str:
    more = f" and {len(group) - 4} more" if len(group) > 4 else ""
    return " = ".join(frame.name for frame in group[:4]) + more
