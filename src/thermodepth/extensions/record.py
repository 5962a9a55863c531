"""What a run, a study or a model says of the extensions that it was made with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from thermodepth.config import Settings
from thermodepth.errors import SettingsError


class ExtensionRecord(Settings):
    """An extension by its content. Where it lay and what it was called change no number."""

    about_place: ClassVar[frozenset[str]] = frozenset({"name", "source"})

    name: str  # of the file, or `package:NAME`
    source: str  # the file's full path, or `package:NAME`
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")

    def words(self) -> str:
        """`my_losses.py (sha256 0123456789ab...)`, for pages and messages."""
        return f"{self.name} (sha256 {self.sha256[:12]})"


def extension_records(listed: Any, where: str) -> tuple[ExtensionRecord, ...]:
    """The records in a list of a JSON file.

    Raises:
        SettingsError: naming the file, for what is no such list.
    """
    if not isinstance(listed, list | tuple) or not all(
        isinstance(each, Mapping) for each in listed
    ):
        raise SettingsError(f"{where}: extensions = {listed!r:.80}, expected a list of records")
    return tuple(ExtensionRecord.parse(each, where=f"{where}: extensions") for each in listed)
