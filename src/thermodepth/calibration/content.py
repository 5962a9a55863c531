"""A calibration file as bytes, text and tree, each made when a format first asks for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from thermodepth.errors import DataError
from thermodepth.yaml_files import decoded, parse_yaml, read_bounded

_OPENCV_TAG = "tag:yaml.org,2002:opencv-matrix"


@dataclass(frozen=True)
class Content:
    """What stands in a file. `name` is what messages call it."""

    path: Path
    raw: bytes

    @classmethod
    def from_file(cls, path: Path) -> Content:
        """Read a file of at most a megabyte; `DataError` for a larger or missing one."""
        return cls(path, read_bounded(path))

    @property
    def name(self) -> str:
        return str(self.path)

    @cached_property
    def text(self) -> str:
        """`DataError` where the file is no text."""
        return decoded(self.raw, self.name)

    @cached_property
    def tree(self) -> Mapping[str, Any]:
        """The mapping that a JSON or YAML file holds.

        Raises:
            DataError: for broken syntax, or a file that holds something else.
        """
        tree = _parse_json(self.text, self.name) if self.is_json else self._yaml()
        if not isinstance(tree, dict) or not all(isinstance(key, str) for key in tree):
            raise DataError(f"{self.name}: expected names with values, such as 'cam0: ...'")
        return tree

    @property
    def is_json(self) -> bool:
        """Would JSON begin like this? YAML's short form does too, but no calibration writes it."""
        return self.raw[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{"

    def _yaml(self) -> Any:
        text = self.text
        if text.startswith("%YAML:1.0"):  # OpenCV's own spelling of the directive; YAML has a space
            text = "\n" + text.partition("\n")[2]
        return parse_yaml(text, self.name, plain_tags=(_OPENCV_TAG,))


def _parse_json(text: str, name: str) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        tree = dict(pairs)
        if len(tree) != len(pairs):
            raise ValueError("a name stands twice")
        return tree

    try:
        return json.loads(text, object_pairs_hook=once)
    except RecursionError:
        raise DataError(f"{name}: nested too deep") from None
    except ValueError as error:
        raise DataError(f"{name}: not JSON as read here: {error}") from None
