"""What a person types: files, several, globs, folders; names, notes and refusals."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import thermodepth
from thermodepth.errors import DataError, SettingsError
from thermodepth.files import encode_png
from thermodepth.sources import FailedFrame, Source, SourceFrame

Clip = NDArray[np.uint16]


@pytest.fixture
def folder(tmp_path: Path, clip: Clip) -> Path:
    """Pictures 1, 2 and 10, an inner folder with 1, and a text."""
    for name, frame in zip(("1", "2", "10", "inner/1"), clip, strict=False):
        path = tmp_path / "frames" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_png(frame))
    (tmp_path / "frames" / "notes.txt").write_text("of the walk")
    (tmp_path / "frames" / ".hidden.png").write_text("by some program")
    return tmp_path / "frames"


def names(source: Source) -> list[str]:
    return [frame.name for frame in source]


def test_a_folder_is_its_pictures_in_natural_order(folder: Path, clip: Clip) -> None:
    source = thermodepth.frames(folder)
    assert names(source) == ["1", "2", "10"]
    assert source.length == 3
    assert {frame.sequence for frame in source} == {str(folder)}
    np.testing.assert_array_equal([f.raw for f in source], clip[:3])


def test_what_a_folder_leaves_out_is_said(folder: Path) -> None:
    texts, folders = thermodepth.frames(folder).notes
    assert texts == f"{folder}: skipped 1 files of no kind that is read: notes.txt"
    assert folders == f"{folder}: skipped 1 folders (--recursive reads them): inner"


def test_a_folder_with_all_below_it(folder: Path) -> None:
    source = thermodepth.frames(folder, recursive=True)
    assert names(source) == ["1", "2", "10", "inner-1"]
    assert len({frame.sequence for frame in source}) == 2
    assert not any("folders" in note for note in source.notes)


def test_a_link_that_leads_back_is_not_followed(folder: Path) -> None:
    (folder / "inner" / "up").symlink_to(folder, target_is_directory=True)
    assert thermodepth.frames(folder, recursive=True).length == 4


@pytest.mark.parametrize("pattern", ["*.png", "[0-9]*.png", "**/*.png"])
def test_a_quoted_glob_gives_what_the_shell_would(folder: Path, pattern: str) -> None:
    quoted = thermodepth.frames(f"{folder}/{pattern}")
    shell = sorted(folder.glob(pattern), key=lambda p: (len(p.parts), len(p.name), p.name))
    typed = thermodepth.frames([p for p in shell if not p.name.startswith(".")])
    assert [f.origin for f in quoted] == [f.origin for f in typed]
    assert names(quoted) == names(typed)


def test_a_file_whose_name_looks_like_a_pattern_is_a_file(folder: Path, clip: Clip) -> None:
    (folder / "[1].png").write_bytes(encode_png(clip[4]))
    (frame,) = thermodepth.frames(f"{folder}/[1].png")
    np.testing.assert_array_equal(frame.raw, clip[4])


def test_names_are_apart_across_folders(folder: Path, clip: Clip) -> None:
    np.save(folder / "1.npy", clip)
    assert names(thermodepth.frames([folder / "1.png", folder / "2.png"])) == ["1", "2"]
    both = names(thermodepth.frames([folder / "1.png", folder / "1.npy"]))
    assert both == ["1.png", *(f"1.npy-{n:06d}" for n in range(5))]
    same = names(thermodepth.frames([folder / "1.png", folder / "inner" / "1.png"]))
    assert same == ["1", "inner-1"]
    twice = names(thermodepth.frames([folder / "2.png", folder / "2.png"]))
    assert len(set(twice)) == 2


def test_a_picture_named_like_a_frame_of_a_clip_is_apart_from_it(folder: Path, clip: Clip) -> None:
    np.save(folder / "walk.npy", clip)
    (folder / "walk-000001.png").write_bytes(encode_png(clip[0]))
    mixed = names(thermodepth.frames([folder / "walk.npy", folder / "walk-000001.png"]))
    assert len(set(mixed)) == 6


def test_numbers_go_on_through_all_recordings(folder: Path, clip: Clip) -> None:
    np.save(folder / "clip.npy", clip)
    frames = list(thermodepth.frames([folder / "1.png", folder / "clip.npy", folder / "2.png"]))
    assert [frame.index for frame in frames] == list(range(7))
    assert len({frame.sequence for frame in frames}) == 2


def test_frames_are_read_again_from_the_first_one(folder: Path) -> None:
    source = thermodepth.frames(folder)
    assert names(source) == names(source)


def test_only_what_is_wanted_is_decoded(folder: Path) -> None:
    (folder / "2.png").write_bytes(b"no picture")
    source = thermodepth.frames(folder)
    kinds = [type(frame).__name__ for frame in source.frames(lambda name, _: name != "2")]
    assert kinds == ["SourceFrame", "SkippedFrame", "SourceFrame"]
    assert sum(isinstance(frame, FailedFrame) for frame in source) == 1


def test_a_rate_gives_times_to_what_has_none(folder: Path) -> None:
    assert [f.time_s for f in thermodepth.frames(folder)] == [None] * 3
    assert [f.time_s for f in thermodepth.frames(folder, rate=4)] == [0.0, 0.25, 0.5]
    with pytest.raises(SettingsError, match="rate 0: expected frames per second"):
        thermodepth.frames(folder, rate=0)


def test_the_state_of_a_file_changes_with_it(folder: Path, clip: Clip) -> None:
    def states() -> list[str]:
        return [f.file_state for f in thermodepth.frames(folder) if isinstance(f, SourceFrame)]

    before = states()
    (folder / "2.png").write_bytes(encode_png(clip[4]))
    os.utime(folder / "2.png", (1, 1))
    assert [a == b for a, b in zip(before, states(), strict=True)] == [True, False, True]


def test_a_folder_of_headerless_frames(tmp_path: Path, clip: Clip) -> None:
    for number, frame in enumerate(clip):
        (tmp_path / f"{number}.raw").write_bytes(frame.tobytes())
    (tmp_path / "0.png").write_bytes(encode_png(clip[0]))
    source = thermodepth.frames(tmp_path, y16="32x24")
    np.testing.assert_array_equal([f.raw for f in source], clip)
    assert "0.png" in source.notes[0]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("nowhere.png", r"nowhere\.png: no such file or folder"),
        ("nowhere/*.png", r"nowhere/\*\.png: no file or folder matches"),
        ("empty", "no PNG, TIFF, JPEG, BMP, NPY or PFM files in this folder"),
        ("a" * 300, "no such file"),
        ("a\0b", "no such file"),
    ],
)
def test_nothing_to_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str, words: str
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=words):
        thermodepth.frames(typed)


def test_an_address_of_no_kind_is_refused_with_those_that_are() -> None:
    with pytest.raises(SettingsError, match="unknown address 'rtps'"):
        thermodepth.frames("rtps://camera/stream")
    with pytest.raises(SettingsError, match="no source"):
        thermodepth.frames([])


def test_a_person_who_does_not_ask_for_failures_meets_them(folder: Path) -> None:
    (folder / "2.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"2\.png"):
        np.stack([frame.raw for frame in thermodepth.frames(folder)])


def test_where_maps_would_be_read_as_frames(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flat = thermodepth.frames(folder)
    assert flat.would_list(folder)
    assert not flat.would_list(folder / "depth")
    assert thermodepth.frames(folder, recursive=True).would_list(folder / "depth")
    assert thermodepth.frames(f"{folder}/*.png").would_list(folder)
    assert not thermodepth.frames(f"{folder}/*.png").would_list(folder / "depth")
    monkeypatch.chdir(folder)
    assert thermodepth.frames("**/*.png").would_list(Path("depth"))
    assert not thermodepth.frames(folder / "1.png").would_list(folder)
