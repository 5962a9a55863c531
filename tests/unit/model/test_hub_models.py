"""Models by `org/name`, from a cache as the hub's client lays it out, and onto a hub of the test's own."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest

from thermodepth.errors import OutputError, SettingsError, WeightsError
from thermodepth.model import hub, load_model, resolve_model
from thermodepth.model.card import model_card, write_with_card

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SHIPPED = resolve_model("thermal-small")


def lay_out(cache: Path, repository: str, files: Path) -> Path:
    """A model in the cache of the hub's client: refs, blobs, and a snapshot that links to them."""
    root = cache / f"models--{repository.replace('/', '--')}"
    snapshot = root / "snapshots" / COMMIT
    for folder in (root / "refs", root / "blobs", snapshot):
        folder.mkdir(parents=True)
    (root / "refs" / "main").write_text(COMMIT)
    for number, file in enumerate(sorted(path for path in files.iterdir() if path.is_file())):
        shutil.copy(file, root / "blobs" / f"{number:040x}")
        (snapshot / file.name).symlink_to(root / "blobs" / f"{number:040x}")
    return snapshot


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, without a network, in a working folder of its own."""
    folder = tmp_path / "hub"
    folder.mkdir()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(folder))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.chdir(tmp_path)
    return folder


def test_a_model_of_the_hub_is_the_one_that_was_pushed(cache: Path) -> None:
    snapshot = lay_out(cache, "org/name", SHIPPED)
    for name in ("org/name", "org/name@main", f"org/name@{COMMIT}"):
        assert resolve_model(name) == snapshot
    assert load_model(resolve_model("org/name")).fingerprint == load_model(SHIPPED).fingerprint


def test_what_the_hub_does_not_give(cache: Path) -> None:
    with pytest.raises(WeightsError, match=r"org/name: no folder here, and the model hub does not"):
        resolve_model("org/name")
    folder = cache.parent / "bare"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    lay_out(cache, "org/other", folder)
    with pytest.raises(WeightsError, match=r"without model\.json and weights\.safetensors"):
        resolve_model("org/other")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("org/name", True),
        ("org/name@v1.0", True),
        ("runs/missing", False),  # runs is a folder here
        ("./name", False),
        ("../name", False),
        ("/org/name", False),
        ("org/name/model", False),
        ("name", False),
        ("org/na me", False),
        ("org/name@a/b", False),
    ],
)
def test_names(name: str, expected: bool, cache: Path) -> None:
    (cache.parent / "runs").mkdir()
    assert hub.is_hub_name(name) is expected


class Hub:
    """Takes what is pushed."""

    def __init__(self, cache: Path, refusal: Exception | None = None) -> None:
        self.cache, self.refusal = cache, refusal
        self.created: list[tuple[str, bool]] = []

    def create_repo(self, name: str, *, private: bool, **_: Any) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.created.append((name, private))

    def upload_folder(self, *, repo_id: str, folder_path: Path, **_: Any) -> Any:
        lay_out(self.cache, repo_id, folder_path)
        return SimpleNamespace(commit_url=f"https://hub/{repo_id}/commit/{COMMIT}")


def test_pushed_and_fetched_again(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = Hub(cache)
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: stand_in)
    model = load_model(SHIPPED)
    card = model_card(model, "org/small", licence="apache-2.0", scores="", about="")
    sent = cache.parent / "sent"
    write_with_card(SHIPPED, sent, card)
    assert hub.push_folder(sent, "org/small", private=True).endswith(COMMIT)
    assert stand_in.created == [("org/small", True)]
    folder = resolve_model("org/small")
    assert load_model(folder).fingerprint == model.fingerprint
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "model.json",
        "weights.safetensors",
    ]


def test_a_hub_that_refuses(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: Hub(cache, ValueError("401\nno token")))
    with pytest.raises(
        OutputError, match=r"org/name: .* does not take it \(401 no token\); `hf auth"
    ):
        hub.push_folder(cache, "org/name", private=False)
    for name in ("name", "org/name@main", "a/b/c"):
        with pytest.raises(SettingsError, match="expected ORG/NAME"):
            hub.push_folder(cache, name, private=False)


def test_a_card_says_licence_provenance_and_scores() -> None:
    model = load_model(resolve_model("thermal-any"))
    table = "| maps | AbsRel |\n|---|---|\n| model | 0.4 |\n| constant depth | 0.7 |"
    card = model_card(
        model, "org/any", licence="mit", scores=table, about="# thermal-any\n\nGood at streets."
    )
    assert card.startswith("---\nlicense: mit\nlibrary_name: thermodepth\n")
    for line in (
        "# any",
        'thermodepth.load("org/any", fov_deg=45)',
        "| seed | 0 |",
        "| fingerprint of the data | 5d4f7bdcb31c4a6a |",
        f"| fingerprint | {model.fingerprint} |",
        "| constant depth | 0.7 |",
        "Good at streets.",
    ):
        assert line in card
    assert "# thermal-any" not in card.splitlines()
    bare = model_card(model, "org/any", licence="mit", scores="", about="")
    assert "No scores on real frames were given." in bare
    assert "From its maker" not in bare


def test_a_card_does_not_load_what_load_refuses() -> None:
    model = load_model(resolve_model("rgb-small"))
    card = model_card(model, "org/rgb", licence="mit", scores="", about="")
    assert model.recipe.modality == "rgb"
    assert "thermodepth.load" not in card
    assert "\n\n|  |  |\n|---|---|\n| network |" in card


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"licence": "Apache 2"}, "licence 'Apache 2': expected an identifier"),
        ({"licence": "mit\nbase_model: x"}, "expected an identifier"),
        ({"scores": "| model | 0.4 |"}, "scores: no row 'constant depth'"),
    ],
)
def test_a_card_is_refused(options: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        model_card(
            load_model(SHIPPED), "o/n", **{"licence": "mit", "scores": "", "about": "", **options}
        )
