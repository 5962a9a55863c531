"""What train, val and test share, and what looks so much alike that it might as well be shared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from thermodepth.doctor.evidence import Evidence
from thermodepth.doctor.facts import Band, FrameFacts
from thermodepth.doctor.finding import Finding, Severity, finding

LEAKS = "leaks"
LOOK_ALIKES = "look-alikes"

#: Correlation of thumbnails, the lowest of all bands. Different still lifes under one camera that never
#: moves reach 0.997 in real table-top frames, different rendered scenes 0.82; a frame saved again in
#: another format, or the next one of a camera that stands still, stays above 0.999.
SAME_VIEW = 0.999
#: A single band decides alone in a bare folder: two thermal frames of one table reach 0.9995.
SAME_PICTURE = 0.9998
#: Above this, frames show one place in nearly one state.
ALIKE = 0.99
#: Frames compared with each other, evenly spread: a table of 4000 x 4000 is 64 MB and takes a second.
MOST_COMPARED = 4000
#: Share of frames with a near copy in their split above which a note says so.
MANY = 0.3


def leaks(evidence: Evidence) -> Iterator[Finding]:
    """Recordings, contents and list lines that are in two splits."""
    yield from _shared_sequences(evidence)
    yield from _shared_pictures(evidence)
    yield from _shared_lines(evidence)


def _shared_sequences(evidence: Evidence) -> Iterator[Finding]:
    if evidence.subject.is_tree:  # a sequence is a folder there, and a folder is in one split
        return
    splits: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for frame in evidence.readable:
        if frame.sequence:
            splits[frame.sequence][frame.split] += 1
    shared = {name: where for name, where in splits.items() if len(where) > 1}
    if shared:
        yield finding(
            LEAKS,
            Severity.ERROR,
            f"{len(shared)} recordings are in several splits",
            [
                f"{name}: {', '.join(f'{count} in {split}' for split, count in where.items())}"
                for name, where in shared.items()
            ],
            total=len(splits),
            meaning="neighbouring frames are nearly one picture: a score on such a split tells how well "
            "frames were remembered",
            remedy="split by recording, never frame by frame",
        )


def _shared_pictures(evidence: Evidence) -> Iterator[Finding]:
    for band in Band:
        if band is Band.DEPTH:  # a still scene's depth may be equal with everything else new
            continue
        by_digest: dict[bytes, list[FrameFacts]] = defaultdict(list)
        for frame in evidence.readable:
            if frame.split and band in frame.looks:
                by_digest[frame.looks[band].digest].append(frame)
        shared = [g for g in by_digest.values() if len({frame.split for frame in g}) > 1]
        if shared:
            yield finding(
                LEAKS,
                Severity.ERROR,
                f"{len(shared)} {band} pictures are in several splits, equal to the last bit",
                [" = ".join(f"{f.name} ({f.split})" for f in group[:4]) for group in shared],
                total=len(by_digest),
                meaning="the network is scored on pictures that it was trained on",
                remedy="keep each picture in one split; best split by recording",
            )


def _shared_lines(evidence: Evidence) -> Iterator[Finding]:
    for (first, first_lines), (second, second_lines) in combinations(
        sorted(evidence.lists.items()), 2
    ):
        kinds = {name.lower()[:3] for name in (first, second)}
        shared = sorted(first_lines & second_lines)
        if shared and len(kinds) > 1:
            trained_on = "tra" in kinds
            yield finding(
                LEAKS,
                Severity.ERROR if trained_on else Severity.WARNING,
                f"{len(shared)} lines stand in both {first} and {second}",
                shared,
                total=min(len(first_lines), len(second_lines)),
                meaning="the network is scored on frames that it was trained on"
                if trained_on
                else "a model chosen on these frames is then scored on them: its score is too good",
                remedy="take them out of one list; say so when a published split is meant to be like that",
            )


def look_alikes(evidence: Evidence) -> Iterator[Finding]:
    """Pairs that no eye would tell apart, by the thumbnails of all bands."""
    frames = [f for f in evidence.readable if any(b in f.looks for b in (Band.THERMAL, Band.RGB))]
    frames = [frames[i] for i in _evenly_spaced(len(frames), MOST_COMPARED)]
    if len(frames) < 2:
        return
    groups: dict[frozenset[Band], list[FrameFacts]] = defaultdict(list)
    for frame in frames:
        groups[frozenset(frame.looks)].append(frame)
    across: list[tuple[float, str]] = []
    within: set[str] = set()
    for bands, members in groups.items():
        same_view = SAME_VIEW if len(bands) > 1 else SAME_PICTURE
        likeness = np.triu(_likeness(members, sorted(bands)), k=1)  # with earlier frames
        splits = np.array([frame.split for frame in members])
        first: dict[bytes, int] = {}  # equal pictures are told of as copies and leaks
        content = np.array(
            [first.setdefault(f.looks[min(bands)].digest, i) for i, f in enumerate(members)]
        )
        likeness[content[:, None] == content] = 0
        have_split = (splits != "")[:, None] & (splits != "")
        cross_likeness = np.where((splits[:, None] != splits) & have_split, likeness, 0)
        for j in np.nonzero(cross_likeness.max(axis=0) >= ALIKE)[0]:
            i = cross_likeness[:, j].argmax()
            a, b, alike = members[i], members[j], float(cross_likeness[i, j])
            line = f"{b.name} ({b.split}) ~ {a.name} ({a.split}): {alike:.4f}"
            across.append((alike / same_view, line))
        fresh = content == np.arange(len(members))
        close = (likeness >= same_view) & (splits[:, None] == splits) & fresh[:, None] & fresh
        within.update(members[j].name for j in np.nonzero(close.any(axis=0))[0])
    yield from _across(sorted(across, reverse=True), len(frames))
    if len(within) > MANY * len(frames):
        yield finding(
            LOOK_ALIKES,
            Severity.NOTE,
            f"{len(within)} frames look like an earlier one of their split",
            sorted(within),
            total=len(frames),
            meaning="as in every video: a training on every frame sees little more than on every tenth",
            remedy="nothing; thin the frames out for shorter epochs",
        )


def _across(pairs: Sequence[tuple[float, str]], total: int) -> Iterator[Finding]:
    same = [line for ratio, line in pairs if ratio >= 1]
    alike = [line for ratio, line in pairs if ratio < 1]
    if same:
        yield finding(
            LOOK_ALIKES,
            Severity.WARNING,
            f"{len(same)} frames are nearly one picture with a frame of another split",
            same,
            total=total,
            meaning="a copy that was saved again, or a recording that was cut into two splits",
            remedy="look at the pairs; keep each recording in one split",
        )
    if alike:
        yield finding(
            LOOK_ALIKES,
            Severity.NOTE,
            f"{len(alike)} frames look much like a frame of another split",
            alike,
            total=total,
            meaning="one place in nearly one state, as under a camera that never moves: a score on this "
            "test set says little about other places",
            remedy="print the score of the mean-depth map beside every number (`thermodepth evaluate` does)",
        )


def _likeness(frames: Sequence[FrameFacts], bands: Sequence[Band]) -> np.ndarray:
    """[n n] the lowest correlation of any band; 0 where a picture is flat."""
    lowest = np.ones((len(frames), len(frames)), np.float32)
    for band in bands:
        thumbnails = np.stack([frame.looks[band].thumbnail for frame in frames], dtype=np.float32)
        np.minimum(lowest, thumbnails @ thumbnails.T, out=lowest)
    return lowest


def _evenly_spaced(count: int, limit: int) -> Sequence[int]:
    if count <= limit:
        return range(count)
    return [int(i) for i in np.linspace(0, count - 1, limit)]
