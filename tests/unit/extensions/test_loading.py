"""Files and packages to rows: once, all or none, refused with file and line."""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import pytest

from thermodepth.config import identity
from thermodepth.errors import SettingsError
from thermodepth.extensions import (
    Carrier,
    Registry,
    check_loaded,
    load_extension,
    loaded_extensions,
    loading,
    unload_extension,
)
from thermodepth.losses import LOSSES, Groups, LossesSettings
from thermodepth.metrics import ERRORS, METRICS
from thermodepth.training.settings import TrainingSettings

TOY = Path(__file__).resolve().parents[3] / "docs" / "examples" / "my_losses.py"
HEAD = "from thermodepth.losses import LOSSES, LossRow, TermSettings\n"
ROW = "LossRow(name={name!r}, group='always', term=lambda maps, s: maps.log_error().abs().mean((1, 2)), "
ROW += "settings=TermSettings, summary='x', mask='depth', invariances=())"


@pytest.fixture(autouse=True)
def _nothing_stays() -> Iterator[None]:
    before = {kind: list(table) for kind, table in Registry.by_type.items()}
    yield
    for extension in loaded_extensions():
        unload_extension(extension)
    assert {kind: list(table) for kind, table in Registry.by_type.items()} == before
    assert set(LossesSettings.model_fields) == {*LOSSES, "groups"}
    assert set(Groups.model_fields) == {"silog", "smooth", "consistency"}


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(text: str, name: str = "mine.py") -> Path:
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


def test_a_term_has_its_settings_its_switch_and_its_column_beside_ours() -> None:
    plain = TrainingSettings()
    extension = load_extension(TOY)
    assert extension.rows == (("loss term", "huber_depth"),)
    edits = {"losses.huber_depth.weight": 2.0, "losses.huber_depth.knee": 0.3}
    settings = TrainingSettings().edit(edits)
    assert settings.losses.switched_on()[-1] == "huber_depth"
    assert settings.losses.huber_depth.knee == 0.3
    off = settings.edit({"losses.groups.huber": False})
    assert "huber_depth" not in off.losses.switched_on()
    with pytest.raises(SettingsError, match=r"losses\.huber_depth\.weight = -1.0: .*greater than"):
        settings.edit({"losses.huber_depth.weight": -1.0})
    with pytest.raises(SettingsError, match=r"no setting 'losses.huber_depth.kne'; did you mean"):
        settings.edit({"losses.huber_depth.kne": 1.0})
    # Settings of before know nothing of it and go on as they were.
    assert "huber_depth" not in plain.losses.switched_on()
    assert TrainingSettings.parse(settings.tree()) == settings


def test_the_content_is_part_of_the_identity_and_the_place_is_not(
    write: Callable[..., Path],
) -> None:
    before = TrainingSettings()
    assert "extensions" not in before.tree()
    assert "extensions" not in identity(before)
    prints = [before.fingerprint()]
    toy = TOY.read_text()
    for text, name in ((toy, "a.py"), (toy, "b.py"), (f"#\n{toy}", "a.py")):
        extension = load_extension(write(text, name))
        (record,) = TrainingSettings().extensions
        assert record.sha256 == hashlib.sha256(text.encode()).hexdigest()
        assert identity(TrainingSettings())["extensions"] == [{"sha256": record.sha256}]
        prints.append(TrainingSettings().fingerprint())
        unload_extension(extension)
    assert TrainingSettings().fingerprint() == prints[0]
    assert prints[1] == prints[2]
    assert len(set(prints)) == 3


def test_a_file_is_run_once(write: Callable[..., Path]) -> None:
    path = write(f"{HEAD}ROWS = [{ROW.format(name='mine')}]\n")
    extension = load_extension(path)
    assert load_extension(path) is extension
    assert load_extension(write(path.read_text(), "copy.py")) is extension
    write(path.read_text() + "#\n")
    with pytest.raises(SettingsError, match="changed since this process loaded it"):
        load_extension(path)
    other = "0" * 64
    with pytest.raises(SettingsError, match=f"has sha256 .* begun with sha256 {other}"):
        load_extension(path, sha256=other)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\n", r"mine\.py: declares no rows; expected a list `ROWS`"),
        ("\nROWS = []\n", r"mine\.py: line 2: ROWS is empty"),
        ("ROWS = {'a': 1}\n", r"line 1: ROWS dict, expected a list"),
        ("ROWS = ['a']\n", r"line 1: ROWS holds str, expected one of .*LossRow"),
        ("import nothing_of_that_name\n", r"line 1: ModuleNotFoundError"),
        ("ROWS = (\n", r"line 1: SyntaxError"),
        ("\nimport sys\nsys.exit(3)\n", r"line 3: SystemExit: 3"),
        (
            f"{HEAD}ROWS = [\n  {ROW.format(name='metric_silog')},\n]\n",
            r"line 3: loss term 'metric_silog': thermodepth has one of this name already",
        ),
        (f"{HEAD}ROWS = [{ROW.format(name='groups')}]\n", r"line 2: loss term 'groups'"),
        (f"{HEAD}ROWS = [{ROW.format(name='../up')}]\n", r"line 2: loss term '\.\./up': expected"),
        (f"{HEAD}ROWS = [{ROW.format(name='model_x')}]\n", "cannot be a name in settings"),
        (
            f"{HEAD}LOSSES['mine'] = {ROW.format(name='mine')}\nROWS = [{ROW.format(name='m')}]\n",
            "binds the table of the loss terms anew",
        ),
        (
            "import thermodepth.losses.report as report\nreport.weight_at = None\nROWS = [1]\n",
            r"binds thermodepth\.losses\.report\.weight_at anew",
        ),
    ],
)
def test_what_is_no_extension_is_refused_with_its_place_and_leaves_no_trace(
    text: str, message: str, write: Callable[..., Path]
) -> None:
    from thermodepth.losses import report

    before = vars(report)["weight_at"]
    with pytest.raises(SettingsError, match=message):
        load_extension(write(text))
    assert loaded_extensions() == ()
    assert vars(report)["weight_at"] is before
    assert not [name for name in sys.modules if name.startswith("thermodepth_extension_")]


def test_of_two_rows_none_joins_when_one_cannot(write: Callable[..., Path]) -> None:
    rows = f"[{ROW.format(name='mine')}, {ROW.format(name='sky')}]"
    with pytest.raises(SettingsError, match="'sky'"):
        load_extension(write(f"{HEAD}ROWS = {rows}\n"))
    assert "mine" not in LOSSES


@pytest.mark.parametrize("name", ["mine.txt", "nothing"])
def test_what_is_no_file_of_python_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"expected an extension as a \.py file"):
        load_extension(tmp_path / name)
    with pytest.raises(SettingsError, match=r"cannot be read"):
        load_extension(tmp_path / "missing.py")


def test_a_folder_s_record_loads_nothing_and_names_both_hashes(write: Callable[..., Path]) -> None:
    extension = load_extension(TOY)
    record = extension.record
    check_loaded([record], "runs/a")
    unload_extension(extension)
    with pytest.raises(SettingsError, match=rf"runs/a: .*{record.sha256}.*--with FILE"):
        check_loaded([record], "runs/a")
    assert loaded_extensions() == ()
    other = load_extension(write(TOY.read_text() + "#\n")).record
    with pytest.raises(SettingsError, match=rf"{record.sha256}.*{other.sha256}"):
        check_loaded([record], "runs/a")


def test_a_metric_of_its_own_stands_in_the_table_of_all(write: Callable[..., Path]) -> None:
    text = """
from thermodepth.metrics import ErrorRow

def worst(errors):
    return errors.mean(errors.relative)

ROWS = [ErrorRow(name="worst", unit="", better="lower", label="{label}", digits=3, definition="d",
                 source="s", optimum=0.0, compute=worst)]
"""
    with pytest.raises(SettingsError, match="its label 'AbsRel' is that of abs_rel"):
        load_extension(write(text.format(label="AbsRel")))
    extension = load_extension(write(text.format(label="Worst"), "other.py"))
    assert ERRORS["worst"] is METRICS["worst"]
    unload_extension(extension)
    assert "worst" not in METRICS


def test_what_is_carried_is_understood_in_another_process(tmp_path: Path) -> None:
    load_extension(TOY)
    settings = TrainingSettings().edit({"losses.huber_depth.knee": 0.3})
    (tmp_path / "job").write_bytes(pickle.dumps(Carrier(settings)))
    code = (
        "import pickle, sys; s = pickle.load(open(sys.argv[1], 'rb')); "
        "print(s.losses.huber_depth.knee, s.extensions[0].name)"
    )
    call = [sys.executable, "-c", code, str(tmp_path / "job")]
    output = subprocess.run(call, capture_output=True, text=True, check=True).stdout
    assert output.split() == ["0.3", "my_losses.py"]


def test_an_installed_package_is_loaded_when_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "their_terms"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "rows.py").write_text(f"{HEAD}MINE = [{ROW.format(name='theirs')}]\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    point = metadata.EntryPoint("theirs", "their_terms.rows:MINE", loading.GROUP)
    monkeypatch.setattr(metadata, "entry_points", lambda **_: (point,))
    assert "their_terms.rows" not in sys.modules
    extension = load_extension("theirs")
    assert extension.record.source == "package:theirs"
    assert load_extension("package:theirs") is extension
    assert "theirs" in LOSSES
    unload_extension(extension)
    (package / "more.py").write_text("")  # its rows may come from any file of it
    assert load_extension("theirs").record.sha256 != extension.record.sha256
    with pytest.raises(
        SettingsError, match="no such extension is installed; did you mean 'theirs'"
    ):
        load_extension("package:their")
