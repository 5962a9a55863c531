"""Where the files of a pack stand: in one zip, or in a folder. Reading trusts neither.

Names are checked before anything is read, sizes before memory is taken; nothing is extracted to disk.
"""

from __future__ import annotations

import hashlib
import os
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

from thermodepth.checksums import file_sha256
from thermodepth.errors import DataError
from thermodepth.files import byte_count, read_bytes, replacing

_FIXED_TIME = (1980, 1, 1, 0, 0, 0)


class Container(Protocol):
    """The files of a pack by their names, `folder/file`."""

    def names(self) -> set[str]:
        """All of them. Raises `DataError` when one leads outside of the pack."""
        ...

    def read(self, member: str, limit: int) -> bytes:
        """The content. Raises `DataError` when it is missing, broken, or larger than `limit` bytes."""
        ...

    def fingerprint(self, members: Iterable[str]) -> str:
        """Changes when the content of the members does."""
        ...

    def close(self) -> None:
        """Release what is open; the next `read` opens it again."""
        ...


def open_container(path: Path) -> Container:
    """A folder or a zip file. Raises `DataError` for anything else."""
    return FolderContainer(path) if path.is_dir() else ZipContainer(path)


def _too_large(path: Path, member: str, size: int, limit: int) -> DataError:
    return DataError(f"{path}: member '{member}' has {size} bytes; at most {limit} expected")


class ZipContainer:
    """One file. Safe to copy into worker processes: each opens it for itself."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._archive: zipfile.ZipFile | None = None
        self._owner = -1

    def names(self) -> set[str]:
        names = self._opened().namelist()
        for name in names:
            if name.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", name) or ":" in name:
                raise DataError(f"{self._path}: member '{name}' points outside of the pack")
        return set(names)

    def read(self, member: str, limit: int) -> bytes:
        archive = self._opened()
        try:
            size = archive.getinfo(member).file_size
            if size > limit:
                raise _too_large(self._path, member, size, limit)
            return archive.read(member)
        except KeyError:
            raise DataError(f"{self._path}: member '{member}' is missing") from None
        except DataError:
            raise
        except Exception as error:  # the reader lets through whatever damage makes it do
            raise DataError(f"{self._path}: member '{member}' is broken: {error}") from error

    def fingerprint(self, members: Iterable[str]) -> str:
        del members  # all of the file is hashed: it is one read
        return file_sha256(self._path)[:16]

    def close(self) -> None:
        if self._archive is not None and self._owner == os.getpid():
            self._archive.close()
        self._archive = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_archive": None, "_owner": -1}

    def _opened(self) -> zipfile.ZipFile:
        # A forked worker shares its parent's file position: it must open the file for itself.
        if self._archive is None or self._owner != os.getpid():
            byte_count(self._path)  # of a pipe the archive would wait for its end
            try:
                self._archive, self._owner = zipfile.ZipFile(self._path), os.getpid()
            except Exception as error:  # as in `read`
                raise DataError(
                    f"{self._path}: not a pack, a zip file or a folder is expected: {error}"
                ) from error
        return self._archive


class FolderContainer:
    """A folder with sub-folders. Links are followed as long as they stay inside it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._real = os.path.realpath(path)

    def names(self) -> set[str]:
        names: set[str] = set()
        try:
            for entry in sorted(self._path.iterdir()):
                self._refuse_escape(entry, entry.name)
                if entry.is_dir():
                    with os.scandir(entry) as inner_entries:
                        for inner in inner_entries:
                            name = f"{entry.name}/{inner.name}"
                            self._refuse_escape(inner, name)
                            names.add(name)
                else:
                    names.add(entry.name)
        except OSError as error:
            raise DataError(f"{self._path}: cannot be read ({error.strerror or error})") from None
        return names

    def _refuse_escape(self, entry: os.DirEntry[str] | Path, name: str) -> None:
        if entry.is_symlink():
            self._checked(name)

    def _checked(self, member: str) -> Path:
        path = self._path / member
        real = os.path.realpath(path)
        if os.path.commonpath([real, self._real]) != self._real:
            raise DataError(f"{self._path}: member '{member}' points outside of the pack")
        return path

    def read(self, member: str, limit: int) -> bytes:
        path = self._checked(member)
        if not path.exists():
            raise DataError(f"{self._path}: member '{member}' is missing")
        size = byte_count(path)
        if size > limit:
            raise _too_large(self._path, member, size, limit)
        return read_bytes(path, limit=limit)

    def fingerprint(self, members: Iterable[str]) -> str:
        digest = hashlib.sha256()
        for member in members:
            content = file_sha256(self._checked(member))
            digest.update(f"{member}\0{content}\0".encode())
        return digest.hexdigest()[:16]

    def close(self) -> None:
        return


def write_zip(path: Path, members: Iterable[tuple[str, bytes]]) -> None:
    """Store members in the order given; the file appears under its name only when it is complete.

    Stored, not deflated (PNG and JPEG are compressed already), with fixed times, so that the same
    members give the same bytes.
    """
    with replacing(path) as unfinished, zipfile.ZipFile(unfinished, "w") as archive:
        for name, content in members:
            info = zipfile.ZipInfo(name, _FIXED_TIME)
            info.create_system = 3
            info.external_attr = 0o644 << 16
            archive.writestr(info, content, zipfile.ZIP_STORED)
