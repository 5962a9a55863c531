"""What stands beside the package says what is so: how to cite it, and how to add a term."""

from __future__ import annotations

import importlib
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import thermodepth
from thermodepth.losses import LossRow
from thermodepth.types import Batch, Prediction

ROOT = Path(__file__).resolve().parents[2]


def test_the_citation_is_of_this_package() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {"cff-version", "message", "title", "authors"} <= set(citation)  # what 1.2.0 requires
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == project["version"] == thermodepth.__version__
    assert citation["license"] == project["license"]
    assert set(citation["keywords"]) == set(project["keywords"])
    assert citation["authors"] == project["authors"]
    for reference in citation["references"]:
        assert {"type", "title", "authors"} <= set(reference)


@pytest.fixture
def toy() -> LossRow:
    """The term that CONTRIBUTING.md walks through, as its row would have it."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^   ```py\n(.*?)^   ```", text, re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {"__name__": "metric_mean"}
    plain = re.sub(r"^   ", "", code, flags=re.MULTILINE)
    exec(compile(plain, "CONTRIBUTING.md", "exec", dont_inherit=True), names)
    return LossRow(
        name="metric_mean",
        group="always",
        term=names["metric_mean"],
        settings=names["MetricMeanSettings"],
        summary="the mean depth is right",
        mask="depth",
        invariances=(),
    )


def test_the_term_of_the_guide_is_what_it_says(toy: LossRow) -> None:
    depth_m = torch.linspace(2.0, 9.0, 2 * 4 * 5).reshape(2, 4, 5)
    valid = torch.ones(2, 4, 5, dtype=torch.bool)
    valid[1, 0] = False
    batch = Batch(
        image=torch.zeros(2, 1, 4, 5),
        depth_m=depth_m,
        depth_valid=valid,
        label=torch.zeros(2, 4, 5),
        label_valid=valid,
        intrinsics=torch.eye(3).expand(2, 3, 3),
        sample_ids=("a", "b"),
    )
    log_depth = depth_m.log()
    log_depth[1, 0] = torch.nan  # under the mask
    structure = torch.zeros(2, 4, 5)
    perfect = Prediction(structure=structure, log_depth=log_depth)
    far = Prediction(structure=structure, log_depth=log_depth + 0.25)
    settings = toy.settings()
    assert settings.weight == 0.0
    torch.testing.assert_close(toy.function(perfect, batch, settings), torch.zeros(2))
    torch.testing.assert_close(toy.function(far, batch, settings), torch.full((2,), 0.25))


PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
#: These begin alike and are no modules: a file of a user, a mark in a header.
NOT_MODULES = {"thermodepth.yaml", "thermodepth.sha256"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_names_of_the_library_on_a_page_can_be_imported(page: Path) -> None:
    if page.name in ("CHANGELOG.md", "log.md"):
        return
    text = page.read_text(encoding="utf-8")
    names = set(re.findall(r"\bthermodepth(?:\.[a-zA-Z_]\w*)+", text)) - NOT_MODULES
    assert [name for name in sorted(names) if not exists(name)] == []


def exists(name: str) -> bool:
    """Whether this is a module of the package, or something in one."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            place: object = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            place = getattr(place, part, None)
        return place is not None
    return False
