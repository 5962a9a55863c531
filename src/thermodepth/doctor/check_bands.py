"""Whether all frames are made alike: sizes, number types, RGB where it should be."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import PurePosixPath

from thermodepth.doctor.evidence import Evidence
from thermodepth.doctor.facts import Band, FrameFacts, Look
from thermodepth.doctor.finding import Finding, Severity, finding

SIZES = "sizes"
RGB = "rgb"

#: Of 255. JPEG noise in a covered lens stays below, the darkest street picture is above.
LEAST_CONTRAST = 3.0
#: Share of equal file names above which two neighbouring folders are meant to pair up.
PAIRED = 0.5


def sizes(evidence: Evidence) -> Iterator[Finding]:
    """Pictures of another size or number type than most of their kind, or of their bare folder."""
    kinds: dict[tuple[str, Band], list[tuple[FrameFacts, Look]]] = defaultdict(list)
    for frame in evidence.readable:
        for band, look in frame.looks.items():
            kinds[frame.sequence if evidence.subject.is_tree else "", band].append((frame, look))
    for (folder, band), members in kinds.items():
        formats = [(*look.size, look.kind) for _, look in members]
        usual, count = Counter(formats).most_common(1)[0]
        odd = [
            f"{frame.name}: {w}x{h} {kind}"
            for (frame, _), (h, w, kind) in zip(members, formats, strict=True)
            if (h, w, kind) != usual
        ]
        if odd:
            height, width, kind = usual
            yield finding(
                SIZES,
                Severity.WARNING,
                f"{len(odd)} {band} pictures{f' in {folder}' if folder else ''} are not like the other "
                f"{count} ({width}x{height} {kind})",
                odd,
                total=len(members),
                meaning="another camera, a crop or an export with other settings: their lens and noise "
                "are not the others'",
                remedy="find out where they come from; export them again or keep them apart",
            )


def rgb(evidence: Evidence) -> Iterator[Finding]:
    """RGB that only some frames have, and pictures that show nothing."""
    frames = evidence.readable
    if evidence.subject.is_tree:
        yield from _unpaired(evidence)
    elif missing := [frame.name for frame in frames if frame.rgb is None]:
        some = len(missing) < len(frames)
        yield finding(
            RGB,
            Severity.WARNING if some else Severity.NOTE,
            f"{len(missing)} frames have no RGB picture" if some else "no frame has an RGB picture",
            missing,
            total=len(frames),
            meaning="no teacher can label them; structure is learnt from the others alone"
            if some
            else "no RGB teacher can be used: only metric depth can be learnt",
            remedy="find the pictures, or leave these frames out" if some else "nothing",
        )
    pictures = [(frame.name, frame.rgb) for frame in frames if frame.rgb is not None]
    flat = [name for name, facts in pictures if facts.contrast < LEAST_CONTRAST]
    if flat:
        yield finding(
            RGB,
            Severity.WARNING,
            f"{len(flat)} RGB pictures show nothing: one colour all over",
            flat,
            total=len(pictures),
            meaning="a covered lens, a failed exposure or a placeholder; a teacher makes up depth for it",
            remedy="leave these frames out of teaching",
        )


def _unpaired(evidence: Evidence) -> Iterator[Finding]:
    """Files without a partner of their name in a folder beside theirs."""
    folders: dict[str, set[str]] = defaultdict(set)
    names = [file.name for file in evidence.files] or [frame.name for frame in evidence.frames]
    for name in names:
        path = PurePosixPath(name)
        folders[path.parent.as_posix()].add(path.stem)
    beside: dict[str, list[str]] = defaultdict(list)
    for folder in folders:
        if folder != ".":
            beside[PurePosixPath(folder).parent.as_posix()].append(folder)
    lonely: list[str] = []
    for siblings in beside.values():
        every = set().union(*(folders[folder] for folder in siblings))
        shared = set.intersection(*(folders[folder] for folder in siblings))
        if len(siblings) > 1 and len(shared) >= PAIRED * len(every):
            lonely += [
                f"{folder}/{stem}"
                for folder in siblings
                for stem in sorted(every - folders[folder])
            ]
    if lonely:
        yield finding(
            RGB,
            Severity.WARNING,
            f"{len(lonely)} pictures are missing beside others of their name",
            lonely,
            total=len(names),
            meaning="thermal, depth and RGB pair up by name: these frames are not complete",
            remedy="find the missing files, or remove their partners",
        )
