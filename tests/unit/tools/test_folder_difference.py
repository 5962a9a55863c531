"""What `tools/compare_outputs.py` calls a difference."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def difference(load_tool: Callable[[str], ModuleType]) -> ModuleType:
    return load_tool("folder_difference")


def write(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def test_equal_folders_do_not_differ(difference: ModuleType, tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"a/table.md": "| 1 |\n", "figure.png": b"\x89PNG\x00"}
    before, after = write(tmp_path / "b", files), write(tmp_path / "a", files)
    assert difference.compare_folders(before, after) == ([], set())


def test_every_kind_of_difference_is_listed(difference: ModuleType, tmp_path: Path) -> None:
    before = write(
        tmp_path / "b", {"t.md": "one\ntwo\nthree", "f.png": b"abcd", "gone.csv": "", "same": "x"}
    )
    after = write(
        tmp_path / "a", {"t.md": "one\ntoo\nthree\n", "f.png": b"abXd", "same": "x", "new.csv": ""}
    )
    differences, _ = difference.compare_folders(before, after)
    assert [each.name for each in differences] == ["f.png", "gone.csv", "new.csv", "t.md"]
    details = {each.name: "\n".join(each.details) for each in differences}
    assert "number 2" in details["f.png"]
    assert "only BEFORE" in details["gone.csv"]
    assert "only AFTER" in details["new.csv"]
    assert "line 2:\n  - two\n  + too" in details["t.md"]
    assert "line 4:\n  - (no such line)" in details["t.md"]  # the newline at the end


def test_a_long_line_is_shown_where_it_differs(difference: ModuleType, tmp_path: Path) -> None:
    line = "<p>" + 4000 * "a" + "{}" + 4000 * "b"
    before = write(tmp_path / "b", {"page.html": line.format("1.25")})
    after = write(tmp_path / "a", {"page.html": line.format("1.26")})
    ((only,), _) = difference.compare_folders(before, after)
    assert "1.25b" in only.details[1]
    assert "1.26b" in only.details[2]
    assert max(map(len, only.details)) < 200


def test_many_lines_are_counted(difference: ModuleType, tmp_path: Path) -> None:
    before = write(tmp_path / "b", {"t.csv": "".join(f"{n}\n" for n in range(50))})
    after = write(tmp_path / "a", {"t.csv": "".join(f"{n}.\n" for n in range(50))})
    ((only,), _) = difference.compare_folders(before, after)
    assert only.details[-1] == "and 47 more lines"


def test_times_and_checkouts_are_no_difference_and_numbers_are(
    difference: ModuleType, tmp_path: Path
) -> None:
    before = write(
        tmp_path / "b", {"t.txt": "/x/old/src at 2026-01-02T03:04:05Z, 12 images/s, 1.5"}
    )
    after = write(tmp_path / "a", {"t.txt": "/x/new/src at 2026-02-03T04:05:06Z, 13 images/s, 1.5"})
    paths = {
        "before_replacements": {"/x/old": "CHECKOUT"},
        "after_replacements": {"/x/new": "CHECKOUT"},
    }
    assert difference.compare_folders(before, after, **paths) == ([], set())
    write(after, {"t.txt": "/x/new/src at 2026-02-03T04:05:06Z, 13 images/s, 1.6"})
    assert len(difference.compare_folders(before, after, **paths)[0]) == 1


def test_only_the_expected_words_may_change(difference: ModuleType, tmp_path: Path) -> None:
    listing = tmp_path / "expected.txt"
    listing.write_text(
        "# renamed\n\nfreedom => df\nremarks => warnings\n (old) =>\n", encoding="utf-8"
    )
    rewordings = difference.read_rewordings(listing)
    assert [(each.old, each.new) for each in rewordings] == [
        ("freedom", "df"),
        ("remarks", "warnings"),
        (" (old)", ""),
    ]
    before = write(tmp_path / "b", {"t.md": "freedom 3 (old)"})
    after = write(tmp_path / "a", {"t.md": "df 3"})
    differences, used = difference.compare_folders(before, after, rewordings=rewordings)
    assert differences == []
    assert {each.old for each in used} == {"freedom", " (old)"}
    write(after, {"t.md": "df 4"})
    assert difference.compare_folders(before, after, rewordings=rewordings)[0]


@pytest.mark.parametrize("line", ["freedom df", " => df", "=> df"])
def test_a_list_that_says_no_old_words_is_refused(
    difference: ModuleType, tmp_path: Path, line: str
) -> None:
    (tmp_path / "expected.txt").write_text(f"a => b\n{line}\n", encoding="utf-8")
    with pytest.raises(ValueError, match="line 2"):
        difference.read_rewordings(tmp_path / "expected.txt")


def test_the_outputs_name_each_other_rightly(load_tool: Callable[[str], ModuleType]) -> None:
    program = load_tool("compare_outputs")
    assert set(program.STUDIES) <= set(program.OUTPUTS)
    for name, studies in program.NEEDS.items():
        assert name in program.OUTPUTS
        assert set(studies) <= set(program.STUDIES)
    assert program.__doc__ is not None
    for name in program.OUTPUTS:
        assert f"\n    {name} " in program.__doc__
