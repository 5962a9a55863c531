"""YAML from strangers: what is read, what is refused, and that refusing costs nothing."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest

from thermodepth.errors import DataError
from thermodepth.yaml_files import LARGEST_FILE_BYTES, parse_yaml, read_yaml


def bomb(levels: int = 9, width: int = 9) -> str:
    """The billion laughs: each level holds the one before it nine times."""
    lines = ["a0: &a0 [lol, lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels + 1)]
    return "\n".join(lines)


def test_plain_values_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: r\xc3\xa9\nsizes: [1, 2.5]\ndeep: {a: true, b: null}\n")
    assert read_yaml(path) == {"name": "ré", "sizes": [1, 2.5], "deep": {"a": True, "b": None}}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (bomb(), "line 1: anchors and aliases"),
        ("a: &x 1\nb: 2", "line 1: anchors"),
        ("a: !!python/object/apply:os.system ['true']", "line 1: tag 'tag:yaml.org,2002:python/"),
        ("a: !mine 1", "tag '!mine'"),
        ("[" * 21 + "]" * 21, "nested deeper than 20"),
        ("[" * 100_000, "nested deeper than 20"),
        ("{a: " * 50_000, "nested deeper than 20"),
        ("a: 1\na: 2", "line 2: not YAML as read here: 'a' stands twice"),
        ("a: " + "1:" * 20_000 + "1", "more than 10000 characters"),
        ("a: " + "1" * 9_000, "not YAML as read here"),  # Python refuses such numbers itself
        ("a: 2020-13-45", "not YAML as read here"),
        ("a: [1, 2", "not YAML as read here"),
        ("a: 1\n---\nb: 2", "not YAML as read here"),
        ("a: \x00", "not YAML as read here"),
        ("? [1, 2]\n: 3", "not YAML as read here"),
    ],
)
def test_what_is_no_table_of_plain_values_is_refused(text: str, reason: str) -> None:
    tracemalloc.start()
    with pytest.raises(DataError) as refused:
        parse_yaml(text, "rig.yaml")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert str(refused.value).startswith("rig.yaml: ")
    assert str(refused.value).count("rig.yaml") == 1
    assert reason in str(refused.value)
    assert len(str(refused.value)) < 300
    assert peak < 20e6


def test_a_tag_that_is_let_through_is_read_as_if_it_were_not_there() -> None:
    tag = "tag:yaml.org,2002:opencv-matrix"
    text = "K: !!opencv-matrix {rows: 1, data: [1.5]}\nL: !!opencv-matrix [1]\nM: !!opencv-matrix x"
    assert parse_yaml(text, "x", plain_tags=(tag,)) == {
        "K": {"rows": 1, "data": [1.5]},
        "L": [1],
        "M": "x",
    }
    with pytest.raises(DataError, match="opencv-matrix' is not read"):
        parse_yaml(text, "x")


def test_a_large_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    with path.open("wb") as stream:
        stream.truncate(100_000_000)
    tracemalloc.start()
    with pytest.raises(DataError, match=r"large\.yaml: larger than 1000000 bytes"):
        read_yaml(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * LARGEST_FILE_BYTES
    path.write_text("a: 12345")
    with pytest.raises(DataError, match="larger than 5 bytes"):
        read_yaml(path, limit=5)


def test_what_is_no_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a folder"):
        read_yaml(tmp_path)
    with pytest.raises(DataError, match="cannot be read"):
        read_yaml(tmp_path / "none.yaml")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(DataError, match="pipe or device"):
            read_yaml(tmp_path / "pipe")
    (tmp_path / "latin.yaml").write_bytes(b"a: \xe9")
    with pytest.raises(DataError, match="not UTF-8 text"):
        read_yaml(tmp_path / "latin.yaml")
