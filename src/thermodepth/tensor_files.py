"""Files of tensors: safetensors, with facts and a checksum in its header. Nothing is ever pickled.

    __metadata__: {"thermodepth": "{FACTS, \"sha256\": CHECKSUM}"}

The checksum is over all bytes of the file but its own digits. What a file is known by is not: it is the
SHA-256 of the file as it would be without a checksum, which is that of earlier versions' files, so that
names of teachers, labels and models outlive it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thermodepth.checksums import BLANK, KEY, UNLIKE, checksum_with_blank, put_checksum
from thermodepth.errors import DataError, OutputError, WeightsError
from thermodepth.files import byte_count, json_object, open_file, replacing

if TYPE_CHECKING:
    from torch import Tensor

_FACTS = "thermodepth"
_LENGTH_BYTES = 8  # of the header, in front of it
_MOST_HEADER_BYTES = 100_000_000  # as the library itself has it
_ALIGNMENT = 8


def write_tensors(
    path: Path, tensors: Mapping[str, Tensor], *, facts: Mapping[str, Any] | None = None
) -> None:
    """Write tensors and facts, whole or not at all; the same give the same bytes.

    Args:
        path: of the file.
        tensors: by name, on any device.
        facts: plain JSON values, kept in the header.

    Raises:
        OutputError: naming the file, where it cannot be written.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    # One key: the library writes several in a new order each time.
    about = {_FACTS: json.dumps({**(facts or {}), KEY: BLANK})}
    with replacing(path) as temporary:
        try:
            save_file(plain, temporary, metadata=about)
        except SafetensorError as error:  # its word for a full disk
            raise OutputError(f"{path}: cannot be written ({error})") from None
        header = _header(temporary)
        assert header.count(BLANK.encode()) == 1, "a name that looks like a blank checksum"
        put_checksum(temporary, _LENGTH_BYTES + header.index(BLANK.encode()))


def read_tensors(path: Path, *, remedy: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors by name, on the CPU, and the facts of `write_tensors`; of another's file there are none.

    Args:
        path: of the file.
        remedy: ends the message about a damaged one.

    Raises:
        WeightsError: naming the file, when it is missing or damaged.
    """
    from safetensors import safe_open

    try:
        facts = _checked_facts(path)
        with safe_open(path, framework="pt") as stored:
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    except DataError as error:
        raise WeightsError(f"{error}; {remedy}") from None
    except Exception as error:  # the library lets through what torch stumbles on
        raise WeightsError(f"{path}: damaged ({error}); {remedy}") from None
    return tensors, facts


def content_digest(path: Path) -> Any:
    """A SHA-256, to be added to, of the file as it would be without a checksum, whatever is in it.

    Raises:
        DataError: naming the file, when it cannot be read.
    """
    size = byte_count(path)
    digest = hashlib.sha256()
    with open_file(path) as stream:
        start = stream.read(_LENGTH_BYTES)
        length = int.from_bytes(start, "little")
        header = stream.read(length) if length <= min(size, _MOST_HEADER_BYTES) else b""
        digest.update(_without_checksum(header) or start + header)
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest


def _without_checksum(header: bytes) -> bytes | None:
    """Length and header as they would be; None where there is no checksum."""
    try:
        tree = json.loads(header)
        facts = json.loads(tree["__metadata__"][_FACTS])
        del facts[KEY]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    about = tree["__metadata__"]
    about[_FACTS] = json.dumps(facts)
    if not facts:
        del about[_FACTS]
    if not about:
        del tree["__metadata__"]
    bare = json.dumps(tree, separators=(",", ":"), ensure_ascii=False).encode()
    bare += b" " * (-len(bare) % _ALIGNMENT)
    return len(bare).to_bytes(_LENGTH_BYTES, "little") + bare


def _checked_facts(path: Path) -> dict[str, Any]:
    """
    Raises:
        DataError: for a file that is not as it was written.
    """
    header = _header(path)
    tree = json_object(header, str(path))
    about = tree.get("__metadata__")
    if not isinstance(about, dict) or not isinstance(about.get(_FACTS), str):
        return {}
    facts = json_object(about[_FACTS], f"{path}, {_FACTS}")
    stated = facts.pop(KEY, None)
    if stated is None:  # of a version that wrote none
        return facts
    at = header.find(str(stated).encode()) if len(str(stated)) == len(BLANK) else -1
    if at < 0 or checksum_with_blank(path, _LENGTH_BYTES + at) != stated:
        raise DataError(f"{path}: {UNLIKE}")
    return facts


def _header(path: Path) -> bytes:
    """
    Raises:
        DataError: naming the file, when it is missing or has no such header.
    """
    size = byte_count(path)
    with open_file(path) as stream:
        length = int.from_bytes(stream.read(_LENGTH_BYTES), "little")
        if not 0 < length <= min(size - _LENGTH_BYTES, _MOST_HEADER_BYTES):
            raise DataError(f"{path}: damaged or cut short: no safetensors header")
        return stream.read(length)
