"""YAML from strangers: bounded before it is parsed, plain values only.

A YAML file of a few hundred bytes can unfold into gigabytes through its aliases, name Python classes to
be made, or nest until the parser's stack ends. None of that has a place in a file of settings or numbers,
so aliases, anchors, tags and deep nesting are refused on the way, before anything is built. A key that
stands twice is refused too: the parser would silently take the last.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml

from thermodepth.errors import DataError
from thermodepth.files import open_file

LARGEST_FILE_BYTES = 1_000_000
DEEPEST_NESTING = 20
#: Longer words are no number or name; whole numbers of such length take the parser minutes.
LONGEST_WORD = 10_000


def read_bounded(path: Path, *, limit: int = LARGEST_FILE_BYTES) -> bytes:
    """The bytes of a small file.

    Raises:
        DataError: naming the file when it is missing, no plain file, or larger than `limit` bytes.
    """
    with open_file(path) as stream:
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise DataError(f"{path}: larger than {limit} bytes, far more than such a file holds")
    return content


def decoded(content: bytes, name: str) -> str:
    """Bytes as text, with or without a byte order mark.

    Raises:
        DataError: for bytes that are not UTF-8.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{name}: not UTF-8 text (byte {error.start})") from None


def read_yaml(path: Path, *, limit: int = LARGEST_FILE_BYTES) -> Any:
    """The one document of a YAML file as dict, list, str, number, bool, date or None.

    Raises:
        DataError: naming file, line and fault; for a file larger than `limit` bytes.
    """
    return parse_yaml(decoded(read_bounded(path, limit=limit), str(path)), str(path))


def parse_yaml(text: str, name: str, *, plain_tags: Collection[str] = ()) -> Any:
    """As `read_yaml`, from text; `name` is what messages call it.

    Args:
        plain_tags: full names of tags to be read as if they were not there.
    """
    try:
        _refuse_what_unfolds(text, name, plain_tags)
        return yaml.load(text, Loader=_PlainLoader)  # a SafeLoader
    except DataError:
        raise
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        line = f"line {at.line + 1}: " if at else ""
        raise DataError(f"{name}: {line}not YAML as read here: {error.problem}") from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{name}: not YAML as read here: {first}") from None


def _refuse_what_unfolds(text: str, name: str, plain_tags: Collection[str]) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_FastLoader):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if getattr(event, "anchor", None) is not None:  # of anchors and aliases
            raise DataError(
                f"{name}: line {line}: anchors and aliases (& and *) are not read; write it out"
            )
        tag = getattr(event, "tag", None)
        if tag is not None and tag not in plain_tags:
            raise DataError(f"{name}: line {line}: tag {tag[:80]!r} is not read; plain values only")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST_NESTING:
                raise DataError(f"{name}: line {line}: nested deeper than {DEEPEST_NESTING} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.ScalarEvent) and len(event.value) > LONGEST_WORD:
            raise DataError(f"{name}: line {line}: a value of more than {LONGEST_WORD} characters")


#: libyaml's parser is many times faster; wheels have it, some platforms do not.
_FastLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _PlainLoader(_FastLoader):  # type: ignore[misc]
    """Refuses a key that stands twice; reads a tag that was let through as if it were not there."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in keys:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"{key.value[:80]!r} stands twice", key.start_mark
                    )
                keys.add(key.value)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return mapping

    def construct_untagged(self, _: str, node: yaml.Node) -> Any:
        if isinstance(node, yaml.MappingNode):
            return self.construct_mapping(node, deep=True)
        if isinstance(node, yaml.SequenceNode):
            return self.construct_sequence(node, deep=True)
        return self.construct_scalar(node)


_PlainLoader.add_multi_constructor("", _PlainLoader.construct_untagged)
