"""Settings: dotted edits, refusals that name the path, differences and fingerprints."""

from __future__ import annotations

import hashlib
import json
import math
import os
import subprocess
import sys
from enum import StrEnum
from pathlib import Path
from typing import ClassVar, Literal

import pytest
from pydantic import Field, ValidationError

from thermodepth.checksums import read_settings
from thermodepth.config import (
    Settings,
    difference,
    flatten,
    identity,
    parse_edit,
)
from thermodepth.errors import SettingsError


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Term(Settings):
    weight: float = Field(1.0, ge=0)
    scales: int = Field(4, ge=1)
    start: float | None = None


class Losses(Settings):
    metric_silog: Term = Term()
    structure: Term = Term(weight=0.5)


class Machine(Settings):
    not_identity: ClassVar[bool] = True

    workers: int = 0
    folder: str = "."


class Run(Settings):
    seed: int = 0
    name: str = "run"
    fast: bool = False
    size: tuple[int, int] = (96, 128)
    colour: Colour = Colour.RED
    kind: Literal["a", "b"] = "a"
    losses: Losses = Losses()
    machine: Machine = Machine()


LEAVES = {
    "seed": 1,
    "name": "other",
    "fast": True,
    "size": [96, 129],
    "colour": "blue",
    "kind": "b",
    "losses.metric_silog.weight": 2.0,
    "losses.metric_silog.scales": 5,
    "losses.metric_silog.start": 0.5,
    "losses.structure.weight": 0.25,
    "losses.structure.scales": 3,
    "losses.structure.start": 0.0,
}


class TestEdit:
    def test_it_changes_a_copy_at_the_path(self) -> None:
        run = Run()
        edited = run.edit({"losses.metric_silog.weight": 2, "size": [32, 48], "colour": "blue"})
        assert edited.losses.metric_silog.weight == 2.0
        assert isinstance(edited.losses.metric_silog.weight, float)
        assert edited.size == (32, 48)
        assert edited.colour is Colour.BLUE
        assert edited.losses.structure == run.losses.structure
        assert run == Run()

    def test_a_whole_section_can_be_given(self) -> None:
        edited = Run().edit({"losses.metric_silog": {"weight": 3}})
        assert edited.losses.metric_silog == Term(weight=3.0)

    def test_later_edits_see_earlier_ones(self) -> None:
        edited = Run().edit({"losses.structure": {"weight": 7}, "losses.structure.weight": 8})
        assert edited.losses.structure == Term(weight=8.0)

    @pytest.mark.parametrize(
        ("path", "message"),
        [
            ("losses.metric_slog.weight", "'losses.metric_slog'; did you mean 'metric_silog'?"),
            ("losses.metric_silog.wieght", "'losses.metric_silog.wieght'; did you mean 'weight'?"),
            ("loses.structure.weight", "no setting 'loses'; did you mean 'losses'?"),
            ("zzz", "no setting 'zzz' (here: colour, fast, kind, losses, machine, name, seed"),
            ("seed.x", "no setting 'seed.x' (here: a value, not a section)"),
            ("", "no setting ''"),
            ("losses.", "no setting 'losses.'"),
        ],
    )
    def test_an_unknown_path_is_refused_with_the_nearest(self, path: str, message: str) -> None:
        with pytest.raises(SettingsError) as error:
            Run().edit({path: 1})
        assert message in str(error.value)

    @pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
    def test_a_weight_that_is_not_finite_is_refused_with_its_path(self, number: float) -> None:
        with pytest.raises(SettingsError, match=r"losses\.metric_silog\.weight = -?(nan|inf)"):
            Run().edit({"losses.metric_silog.weight": number})

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            ("seed", "3"),
            ("seed", 3.0),
            ("seed", True),
            ("seed", None),
            ("name", 3),
            ("fast", 1),
            ("fast", "true"),
            ("size", "96"),
            ("size", [96]),
            ("size", [96, 128, 3]),
            ("size", [96.0, 128]),
            ("colour", "green"),
            ("kind", "c"),
            ("losses.metric_silog.weight", "2"),
            ("losses.metric_silog.weight", True),
            ("losses.metric_silog.weight", -1),
            ("losses.metric_silog", 2),
            ("losses", None),
        ],
    )
    def test_a_wrong_type_or_value_is_never_bent_into_shape(self, path: str, value: object) -> None:
        with pytest.raises(SettingsError, match=rf"edit {path}=.*: {path}\b"):
            Run().edit({path: value})

    @pytest.mark.parametrize("value", [{1, 2}, Path("x"), object()])
    def test_a_value_that_is_not_json_is_a_settings_error(self, value: object) -> None:
        with pytest.raises(SettingsError, match=r"edit name=.*plain JSON values"):
            Run().edit({"name": value})

    def test_bytes_that_are_not_text_do_not_print_the_whole_tree(self) -> None:
        """A command line argument in another encoding arrives with lone surrogates."""
        with pytest.raises(SettingsError) as error:
            Run().edit({"name": "mm5:/data/\udcff"})
        assert "metric_silog" not in str(error.value)


class TestParse:
    def test_every_problem_is_named_at_once(self) -> None:
        tree = {"sede": 1, "losses": {"structure": {"wait": 2}}, "name": 4}
        with pytest.raises(SettingsError) as error:
            Run.parse(tree, where="here.json")
        text = str(error.value)
        assert text.startswith("here.json: ")
        assert "no setting 'sede'; did you mean 'seed'? (known: colour, fast," in text
        assert "no setting 'losses.structure.wait'; did you mean 'weight'?" in text
        assert "name = 4: input should be a valid string" in text

    def test_a_missing_field_is_named_without_what_stands_around_it(self) -> None:
        class Strict(Settings):
            needed: int
            other: str = "x"

        with pytest.raises(SettingsError) as error:
            Strict.parse({"other": "SURROUNDINGS"})
        assert "needed: field required" in str(error.value)
        assert "SURROUNDINGS" not in str(error.value)

    def test_a_huge_value_is_cut_in_the_message(self) -> None:
        with pytest.raises(SettingsError) as error:
            Run.parse({"seed": "9" * 5000})
        assert len(str(error.value)) < 300

    def test_a_key_beside_a_section_that_is_optional_still_names_its_path(self) -> None:
        class Outer(Settings):
            term: Term | None = None

        with pytest.raises(SettingsError, match=r"no setting 'term\.wait'"):
            Outer.parse({"term": {"wait": 1}})

    def test_the_tree_of_settings_is_plain_json_and_comes_back(self) -> None:
        run = Run().edit(LEAVES)
        assert Run.parse(json.loads(json.dumps(run.tree()))) == run

    def test_settings_cannot_be_changed_in_place(self) -> None:
        with pytest.raises(ValidationError, match="frozen"):
            Run().seed = 3  # type: ignore[misc]

    def test_a_default_that_is_not_allowed_is_refused(self) -> None:
        class Wrong(Settings):
            weight: float = Field(-1.0, ge=0)

        with pytest.raises(SettingsError, match="weight = -1"):
            Wrong.parse({})


class TestFingerprint:
    def test_it_is_the_hash_of_the_sorted_identity(self) -> None:
        tree = Run().tree()
        del tree["machine"]
        text = json.dumps(tree, sort_keys=True, separators=(",", ":"))
        assert Run().fingerprint() == hashlib.sha256(text.encode()).hexdigest()[:12]

    def test_every_leaf_of_identity_changes_it(self) -> None:
        assert set(LEAVES) == set(flatten(identity(Run())))
        prints = {Run().edit({path: value}).fingerprint() for path, value in LEAVES.items()}
        assert len(prints | {Run().fingerprint()}) == len(LEAVES) + 1

    def test_where_and_how_fast_does_not_change_it(self) -> None:
        elsewhere = Run().edit({"machine.workers": 8, "machine.folder": "/data"})
        assert elsewhere != Run()
        assert elsewhere.fingerprint() == Run().fingerprint()
        assert "machine" not in identity(elsewhere)

    def test_a_section_that_is_not_identity_is_left_out_at_any_depth(self) -> None:
        class Outer(Settings):
            run: Run = Run()

        moved = Outer().edit({"run.machine.workers": 3})
        assert moved.fingerprint() == Outer().fingerprint()
        assert Outer().edit({"run.seed": 3}).fingerprint() != Outer().fingerprint()

    def test_two_ways_of_writing_one_number_are_one_run(self) -> None:
        whole = Run().edit({"losses.metric_silog.weight": 2})
        assert whole.fingerprint() == Run().edit({"losses.metric_silog.weight": 2.0}).fingerprint()

    def test_it_is_the_same_in_another_process(self) -> None:
        program = (
            "from thermodepth.thermal import NormaliserSettings as N\n"
            "print(N(low_percentile=2.0).fingerprint())"
        )
        prints = {
            subprocess.run(
                [sys.executable, "-c", program],
                env={**os.environ, "PYTHONHASHSEED": hash_seed},
                check=True,
                capture_output=True,
                text=True,
            ).stdout.strip()
            for hash_seed in ("1", "2")
        }
        from thermodepth.thermal import NormaliserSettings

        assert prints == {NormaliserSettings(low_percentile=2.0).fingerprint()}


def test_flatten() -> None:
    assert flatten({"a": {"b": 1, "c": {"d": [2]}}, "e": None}) == {
        "a.b": 1,
        "a.c.d": [2],
        "e": None,
    }


def test_difference_names_both_values_by_path_and_can_be_applied() -> None:
    new = Run().edit({"losses.structure.weight": 2, "machine.workers": 4})
    changed = difference(Run(), new)
    assert changed == {"losses.structure.weight": (0.5, 2.0), "machine.workers": (0, 4)}
    assert Run().edit({path: value for path, (_, value) in changed.items()}) == new
    assert difference(new, new) == {}


def test_a_field_that_came_later_leaves_identities_alone_until_it_is_set() -> None:
    class Before(Settings):
        width: int = 3

    class After(Before):
        later: ClassVar[frozenset[str]] = frozenset({"depth"})
        depth: int | None = None

    assert After().fingerprint() == Before().fingerprint()
    assert After(depth=2).fingerprint() != After().fingerprint()
    assert After().edit({"depth": 2}) == After(depth=2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("losses.silog.weight=2", ("losses.silog.weight", 2)),
        ("a=2.5e-3", ("a", 0.0025)),
        ("a=true", ("a", True)),
        ("a=null", ("a", None)),
        ("a=[96, 128]", ("a", [96, 128])),
        ('a="12"', ("a", "12")),
        ("a=mm5:/data/x=y", ("a", "mm5:/data/x=y")),
        ("a=", ("a", "")),
        ("a =b", ("a", "b")),
        ("a=True", ("a", "True")),
    ],
)
def test_parse_edit(text: str, expected: tuple[str, object]) -> None:
    path, value = parse_edit(text)
    assert (path, value) == expected
    assert type(value) is type(expected[1])


@pytest.mark.parametrize("text", ["losses.silog.weight", "=2", ""])
def test_an_edit_without_path_or_value_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=r"expected PATH=VALUE"):
        parse_edit(text)


def test_a_nan_of_the_command_line_meets_the_settings_check() -> None:
    with pytest.raises(SettingsError, match=r"losses\.structure\.weight = nan"):
        Run().edit(dict([parse_edit("losses.structure.weight=NaN")]))


class TestReadSettings:
    def test_round_trip(self, tmp_path: Path) -> None:
        run = Run().edit(LEAVES)
        path = tmp_path / "run.json"
        path.write_text(json.dumps(run.tree()), encoding="utf-8")
        assert read_settings(Run, path) == run

    @pytest.mark.parametrize(
        "content", [b"", b"{", b"\xff\xfe{}", b"[1]", b"3", b'{"seed": "x"}', b"[" * 100_000]
    )
    def test_a_file_that_does_not_fit_is_named(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "run.json"
        path.write_bytes(content)
        with pytest.raises(SettingsError, match=r"run\.json: "):
            read_settings(Run, path)

    def test_a_missing_file_and_a_folder_are_named(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError, match=r"none\.json: cannot be read"):
            read_settings(Run, tmp_path / "none.json")
        with pytest.raises(SettingsError, match="is a folder"):
            read_settings(Run, tmp_path)


def test_a_setting_that_was_added_is_part_of_the_identity_once_it_is_used() -> None:
    class Older(Settings):
        weight: float = 1.0

    class Newer(Older):
        later = frozenset({"form"})

        form: str = "as ever"

    assert Newer().fingerprint() == Older().fingerprint()
    assert Newer(form="another").fingerprint() != Older().fingerprint()
    assert Newer().tree() == {"weight": 1.0, "form": "as ever"}
