"""From what a person types to a source: files, globs, folders and addresses.

A glob gives what a shell would have given, so quoting it changes nothing. A folder is its pictures; where it
holds none, its recordings. Whatever is left out is said in the source's notes.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from thermodepth.errors import DataError, SettingsError, unknown
from thermodepth.files import PICTURE_SUFFIXES, natural_order, open_file
from thermodepth.pictures import HEAD_BYTES, foreign_format
from thermodepth.sources.interface import Recording
from thermodepth.sources.options import SourceOptions
from thermodepth.sources.pictures import Pictures
from thermodepth.sources.registry import SOURCES, Address
from thermodepth.sources.replaying import FOR_EVER, ONCE, Replay
from thermodepth.sources.source import Source, safe_label
from thermodepth.sources.y16_file import SUFFIXES as Y16_SUFFIXES

#: Of files of a folder that never hold several frames: they are not opened before they are decoded.
_ONE_FRAME = (".png", ".jpg", ".jpeg", ".bmp", ".pfm")
_LISTED = 4  # names in a note
_NUMBERED = re.compile(r"-[0-9]{6,}$")

Typed = str | Path


def frames(
    source: Typed | Sequence[Typed],
    *,
    recursive: bool = False,
    rate: float | None = None,
    y16: str = "",
    drop: str = "",
    counts: bool = False,
    topic: str = "",
) -> Source:
    """The thermal frames of anything that holds or gives some, one at a time, in the camera's own numbers.

    Args:
        source: a file, a folder, a glob, an address, or several of them; docs/sources.md lists the kinds.
        recursive: whether folders in folders are read.
        rate: frames per second of what has no times of its own.
        y16: `WIDTHxHEIGHT` of raw 16-bit files without a header; with `:big` where the high byte comes first.
        drop: rows and columns that are no picture, such as `bottom=2`.
        counts: whether 8-bit pictures are refused.
        topic: of a bag whose images have several.

    Returns:
        An iterable of `SourceFrame` and `FailedFrame`. A frame that cannot be read is a `FailedFrame`, which
        raises its reason when its pixels are asked for; those behind it come nevertheless.

    Raises:
        DataError: for what does not exist, or holds no frames.
        SettingsError: for an option or an address that cannot be.
        DependencyError: for a kind whose package is not installed.
    """
    options = SourceOptions.of_text(
        y16=y16, drop=drop, counts=counts, recursive=recursive, rate_hz=rate, topic=topic
    )
    return open_source([source] if isinstance(source, (str, Path)) else source, options)


def replay(
    source: Typed | Sequence[Typed],
    *,
    rate: float | None = None,
    endless: bool = False,
    recursive: bool = False,
    y16: str = "",
    drop: str = "",
    counts: bool = False,
    topic: str = "",
) -> Source:
    """A recording in its own time, as its camera gave it: what is to run on a camera is tried on it first.

    Args:
        source: as of `frames`.
        rate: frames per second; None: the recording's own times.
        endless: whether it begins again at its end, for ever.
        recursive: as of `frames`; so are the others.
        y16: see there.
        drop: see there.
        counts: see there.
        topic: see there.

    Raises:
        DataError, SettingsError, DependencyError: as `frames`; while it plays, a SettingsError for a
            recording that has no times, and no rate.
    """
    options = SourceOptions.of_text(
        y16=y16, drop=drop, counts=counts, recursive=recursive, rate_hz=rate, topic=topic
    )
    opened = open_source([source] if isinstance(source, (str, Path)) else source, options)
    return replayed(opened, rate_hz=rate, endless=endless)


def replayed(source: Source, *, rate_hz: float | None, endless: bool = False) -> Source:
    """A source of the disk in its own time; a live one is as it is."""
    recordings = [
        recording if recording.is_live else _replay(recording, rate_hz, endless=endless)
        for recording in source.recordings
    ]
    return replace(source, recordings=recordings)


def _replay(recording: Recording, rate_hz: float | None, *, endless: bool) -> Replay:
    label = recording.label or safe_label(Path(recording.sequence).name)
    return Replay(recording=recording, label=label, is_endless=endless, rate_hz=rate_hz)


def open_source(typed: Sequence[Typed], options: SourceOptions) -> Source:
    """As `frames`, with the options checked.

    Raises:
        DataError: for what does not exist, or holds no frames.
        SettingsError: for an address that cannot be.
        DependencyError: for a kind whose package is not installed.
    """
    if not typed:
        raise SettingsError("no source: name a file, a folder, a glob or an address")
    listing = _Listing(options=options)
    for each in typed:
        listing.add(each)
    recordings: list[Recording] = []
    for how, group in groupby(_labelled(listing.addresses), key=lambda address: address.replay):
        merged = _merged(_open(address, options) for address in group)
        if how:
            merged = [_replay(r, options.rate_hz, endless=how == FOR_EVER) for r in merged]
        recordings += merged
    _refuse_two_cameras(recordings)
    return Source(
        recordings=recordings,
        notes=tuple(listing.notes),
        folders=frozenset(listing.folders),
        deep_folders=frozenset(listing.deep_folders),
        rate_hz=options.rate_hz,
    )


@dataclass(slots=True, kw_only=True)
class _Listing:
    """What was typed, as single files and addresses."""

    options: SourceOptions
    addresses: list[Address] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    folders: set[Path] = field(default_factory=set)
    deep_folders: set[Path] = field(default_factory=set)

    def add(self, typed: Typed) -> None:
        text = str(typed)
        how, colon, rest = text.partition(":")
        if colon and how in (ONCE, FOR_EVER) and not _exists(Path(text)):
            first = len(self.addresses)
            self.add(rest)
            self.addresses[first:] = [replace(a, replay=how) for a in self.addresses[first:]]
            return
        path = Path(text).expanduser()
        if _exists(path):
            self._add_path(path)
        elif isinstance(typed, str) and (scheme := Address(text=text).scheme):
            if scheme not in known_schemes():
                raise SettingsError(
                    f"{text}: {unknown('address', scheme, known_schemes())}, and no such file"
                )
            self.addresses.append(Address(text=text))
        elif glob.has_magic(text):
            # Of pathlib's, a pattern may not be absolute.
            matches = glob.glob(str(path), recursive=True)  # noqa: PTH207
            if not matches:
                raise DataError(f"{text}: no file or folder matches")
            for match in sorted(matches, key=lambda m: (natural_order(m), m)):
                self.folders.add(Path(match).parent.resolve())
                self._add_path(Path(match))
            if "**" in text:
                self.deep_folders.add(Path(text.partition("**")[0] or ".").resolve())
        else:
            raise DataError(f"{text}: no such file or folder")

    def _add_path(self, path: Path) -> None:
        if path.is_dir():
            as_recording = Address(text=str(path), path=path)
            if any(row.recognises(as_recording, self.options) for row in _recordings()):
                self.addresses.append(as_recording)
            else:
                self._add_folder(path)
        else:
            self.addresses.append(Address(text=str(path), path=path, head=_head(path)))

    def _add_folder(self, folder: Path) -> None:
        (self.deep_folders if self.options.recursive else self.folders).add(folder.resolve())
        files, folders = _files_in(folder, recursive=self.options.recursive)
        pictures = Y16_SUFFIXES if self.options.y16 is not None else PICTURE_SUFFIXES
        recordings = () if self.options.y16 is not None else _recording_suffixes()
        by_kind: dict[str, list[Path]] = {"pictures": [], "recordings": [], "others": []}
        for path in files:
            suffix = path.suffix.lower()
            is_picture, is_recording = suffix in pictures, suffix in recordings
            kind = "pictures" if is_picture else "recordings" if is_recording else "others"
            by_kind[kind].append(path)
        chosen = by_kind["pictures"] or by_kind["recordings"]
        if not chosen:
            raise DataError(
                f"{folder}: no {_expected(pictures)} files in this folder{_instead(files)}"
            )
        if by_kind["pictures"] and by_kind["recordings"]:
            self._skipped(folder, "recordings beside pictures", by_kind["recordings"])
        if by_kind["others"]:
            self._skipped(folder, "files of no kind that is read", by_kind["others"])
        if folders:
            self._skipped(folder, "folders (--recursive reads them)", folders)
        for path in chosen:
            is_one = path.suffix.lower() in _ONE_FRAME or self.options.y16 is not None
            head = b"" if is_one else _head(path)
            self.addresses.append(Address(text=str(path), path=path, head=head))

    def _skipped(self, folder: Path, what: str, paths: Sequence[Path]) -> None:
        names = ", ".join(path.name for path in paths[:_LISTED])
        more = f", and {len(paths) - _LISTED} more" if len(paths) > _LISTED else ""
        self.notes.append(f"{folder}: skipped {len(paths)} {what}: {names}{more}")


def known_schemes() -> frozenset[str]:
    """What may stand before the colon of an address."""
    return frozenset({ONCE, FOR_EVER, *(s for row in SOURCES.values() for s in row.schemes)})


def _refuse_two_cameras(recordings: Sequence[Recording]) -> None:
    """What never ends lets nothing behind it have its turn."""
    live = [recording.origin for recording in recordings if recording.is_live]
    if live and len(recordings) > 1:
        raise SettingsError(
            f"{live[0]}: a live source stands alone, and {len(recordings) - 1} more are named; start one "
            "program for each"
        )


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that is too long, a null byte
        return False


def _recordings() -> list[Any]:
    return [row for row in SOURCES.values() if row.name not in ("picture", "y16")]


def _recording_suffixes() -> frozenset[str]:
    return frozenset(suffix for row in _recordings() for suffix in row.suffixes)


def _head(path: Path) -> bytes:
    """Of a file; empty where it cannot be read, which its reader says in time."""
    try:
        with open_file(path) as stream:
            return stream.read(HEAD_BYTES)
    except DataError:
        return b""


def _files_in(folder: Path, *, recursive: bool) -> tuple[list[Path], list[Path]]:
    """(files, folders that were not read), in natural order, without hidden ones."""
    files: list[Path] = []
    folders: list[Path] = []
    inner: list[Path] = []
    for path in sorted(folder.iterdir(), key=lambda p: (natural_order(p.name), p.name)):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            inner.append(path)
        elif path.is_file():
            files.append(path)
    for path in inner:
        if not recursive:
            folders.append(path)
        elif not path.is_symlink():  # which may lead back here
            files += _files_in(path, recursive=True)[0]
    return files, folders


def _expected(suffixes: Sequence[str]) -> str:
    if suffixes is PICTURE_SUFFIXES:
        return "PNG, TIFF, JPEG, BMP, NPY or PFM"
    return ", ".join(suffixes)


def _instead(files: Sequence[Path]) -> str:
    """What the first file of a folder is that holds no frame, where its first bytes tell."""
    if not files:
        return ""
    format_name = foreign_format(_head(files[0]))
    return f"; {files[0].name} is {format_name}" if format_name else ""


def _open(address: Address, options: SourceOptions) -> Recording:
    for row in SOURCES.values():
        mine = address.scheme in row.schemes if address.scheme else row.recognises(address, options)
        if mine and (recording := row.open(address, options)) is not None:
            return recording
    raise AssertionError(f"no row took {address.text}")


def _merged(recordings: Iterable[Recording]) -> list[Recording]:
    """Pictures of one folder that follow each other are one recording."""
    merged: list[Recording] = []
    group: list[Pictures] = []

    def close() -> None:
        if group:
            paths = [path for part in group for path in part.paths]
            labels = [label for part in group for label in part.labels]
            merged.append(replace(group[0], paths=paths, labels=labels))
            group.clear()

    for recording in recordings:
        if not isinstance(recording, Pictures):
            close()
            merged.append(recording)
            continue
        if group and group[0].sequence != recording.sequence:
            close()
        group.append(recording)
    close()
    return merged


def _labelled(addresses: Sequence[Address]) -> list[Address]:
    """Each with a label that no other has: its stem, its name, or its way below the folder that all share."""
    folder = _common_folder(addresses)
    label_ways = (
        lambda path: path.stem,
        lambda path: path.name,
        lambda path: safe_label("-".join(path.resolve().relative_to(folder).with_suffix("").parts)),
        lambda path: safe_label("-".join(path.resolve().relative_to(folder).parts)),
    )
    labels: list[str] = []
    for label_of in label_ways:
        labels = [
            safe_label(a.public_text) if a.path is None else label_of(a.path) for a in addresses
        ]
        if _are_apart(addresses, labels):
            break
    else:
        labels = [f"{number:06d}-{label}" for number, label in enumerate(labels)]
    return [replace(a, label=label) for a, label in zip(addresses, labels, strict=True)]


def _common_folder(addresses: Sequence[Address]) -> Path:
    folders = {str(a.path.parent.resolve()) for a in addresses if a.path is not None}
    try:
        return Path(os.path.commonpath(folders))
    except ValueError:  # of none, or on two drives
        return Path(os.sep)


def _are_apart(addresses: Sequence[Address], labels: Sequence[str]) -> bool:
    """Whether no name comes twice, frames of recordings (`clip-000012`) among them."""
    many = {label for a, label in zip(addresses, labels, strict=True) if not _is_one_frame(a)}
    numbered = {_NUMBERED.sub("", label) for label in labels if _NUMBERED.search(label)}
    return len(set(labels)) == len(labels) and not many & numbered


def _is_one_frame(address: Address) -> bool:
    return address.path is not None and address.path.suffix.lower() in _ONE_FRAME
