"""What is sent to a worker process, with the extensions that it needs to be understood there.

A spawned process knows our tables alone. So what is pickled for it names each extension's file and hash,
and is unpacked once they are loaded. Only what a process of ours was started with is ever unpacked so.
"""

from __future__ import annotations

import pickle
from typing import Any

from thermodepth.extensions.loading import load_extension, loaded_records

#: (source, sha256) of each extension.
Sources = tuple[tuple[str, str], ...]


class Carrier:
    """Pickles as its content behind the extensions of this process; unpickles as the content itself."""

    def __init__(self, content: Any) -> None:
        self.content = content

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpack, (loaded_sources(), pickle.dumps(self.content))


def loaded_sources() -> Sources:
    """The extensions of this process, as a job for another one names them."""
    return tuple((record.source, record.sha256) for record in loaded_records())


def load_sources(sources: Sources) -> None:
    """Load in this process what another one had loaded.

    Raises:
        SettingsError: when a file is missing or has changed since.
    """
    for source, sha256 in sources:
        load_extension(source, sha256=sha256)


def _unpack(sources: Sources, content: bytes) -> Any:
    load_sources(sources)
    return pickle.loads(content)
