"""Distances as people type them, and what they type wrongly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from thermodepth.errors import DataError, SettingsError
from thermodepth.scale_calibration.sample_files import read_distances, typed_distance


def test_an_option() -> None:
    distance = typed_distance("a,b.png, 312,220.5 ,7.45")
    assert (distance.frame, distance.x, distance.y, distance.metres) == (
        "a,b.png",
        312,
        220.5,
        7.45,
    )
    assert typed_distance("312,220,7.45").frame == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.png", "expected FRAME,X,Y,METRES"),
        ("a.png,1,2", "'a.png' is no number"),
        ("a.png,1,2,seven", "'seven' is no number"),
        ("a.png,1,2,7m", "'7m' is no number"),
        ("a.png,1,2,nan", "'nan' is no number"),
        ("a.png,-1,2,7", "expected numbers from 0 on"),
        ("a.png,1,2,0", "expected a positive distance"),
        ("a.png,1,2,-7", "expected a positive distance"),
    ],
)
def test_wrong_options(text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message) as error:
        typed_distance(text)
    assert f"--at {text}" in str(error.value)


CSV = "frame,x,y,metres\na.png,312,220,7.45\n\nb.png, 10, 20, 3\n"


def test_a_csv_file(tmp_path: Path) -> None:
    path = tmp_path / "tape.csv"
    path.write_text(CSV)
    first, second = read_distances(path)
    assert (first.frame, first.x, first.metres, first.kind) == ("a.png", 312, 7.45, None)
    assert (second.frame, second.y, second.where) == ("b.png", 20, f"{path}, line 4")
    path.write_text(
        "\ufeffkind,metres,frame,y,x\ndepth,7,a.png,2,1\n,8,a.png,2,9\n", encoding="utf-8"
    )
    assert [(d.kind, d.metres, d.x) for d in read_distances(path)] == [
        ("depth", 7, 1),
        (None, 8, 9),
    ]


def test_a_json_file(tmp_path: Path) -> None:
    path = tmp_path / "tape.json"
    sample = {"frame": "a.png", "x": 312, "y": 220, "metres": 7.45, "kind": "depth"}
    path.write_text(json.dumps({"samples": [sample]}))
    (distance,) = read_distances(path)
    assert (distance.frame, distance.kind, distance.metres) == ("a.png", "depth", 7.45)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "missing frame, x, y, metres"),
        ("frame,x,y,metres\n", "lists no distances"),
        ("frame,x,y,meters\na,1,2,3\n", "missing metres"),
        ("frame,x,y,metres,knd\na,1,2,3,depth\n", "did you mean 'kind'"),
        ("frame,x,y,metres,kind\na,1,2,3,deep\n", "line 2: unknown kind 'deep'"),
        ("frame,x,y,metres\na,1,2\n", "line 2: expected 4 values"),
        ("frame,x,y,metres\na,1,2,3,4\n", "line 2: expected 4 values"),
        ("frame,x,y,metres\na,1,2,3 m\n", "line 2: '3 m' is no number"),
        ("frame,x,y,metres\na,1,2,-3\n", "line 2: -3 m, expected a positive"),
        ("frame,x,y,metres\n../a,1,2,3\n", "leads out of the folder"),
        ("frame,x,y,metres\n/etc/a,1,2,3\n", "leads out of the folder"),
        ("frame,x,y,metres\nC:\\a,1,2,3\n", "leads out of the folder"),
        ('{"samples": 3}', "expected"),
        (
            '{"samples": [{"frame": "a", "x": 1, "y": 2}]}',
            "sample 1: names frame, x, y; missing metres",
        ),
        ('{"samples": [{"frame": "a", "x": true, "y": 2, "metres": 3}]}', "'True' is no number"),
        ('{"samples": [{"frame": 7, "x": 1, "y": 2, "metres": 3}]}', "expected the name of a file"),
        ('{"samples": [', "cannot be read as JSON"),
    ],
)
def test_wrong_files_are_refused_where_they_are_wrong(
    content: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "tape.csv"
    path.write_text(content)
    with pytest.raises(DataError, match=message) as error:
        read_distances(path)
    assert str(path) in str(error.value)
