"""What is installed with this project and is not permissive is named on the page about dependencies."""

from __future__ import annotations

import re
from importlib.metadata import Distribution, distributions
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "dependencies.md"
#: Copyleft of any strength, in a licence expression, a licence field or a classifier.
COPYLEFT = re.compile(r"MPL|Mozilla|[AL]?GPL|General Public|EUPL|European Union Public|CDDL|EPL")


def licences(distribution: Distribution) -> str:
    """All that its metadata says, without the full texts that some put there."""
    about = distribution.metadata
    fields = [about.get("License-Expression"), (about.get("License") or "")[:120]]
    fields += [c for c in about.get_all("Classifier") or [] if c.startswith("License")]
    return "; ".join(filter(None, fields))


def test_every_package_that_is_not_permissive_is_named() -> None:
    licences_by_name = {d.metadata["Name"]: licences(d) for d in distributions()}
    copyleft = {name: text for name, text in licences_by_name.items() if COPYLEFT.search(text)}
    assert "certifi" in copyleft, "the reading of licences works"
    page = PAGE.read_text(encoding="utf-8")
    missing = {name: text for name, text in copyleft.items() if f"`{name}`" not in page}
    assert not missing


@pytest.mark.parametrize(
    ("text", "copyleft"),
    [
        ("MPL-2.0 AND MIT", True),
        ("License :: OSI Approved :: GNU General Public License v3 (GPLv3)", True),
        ("LGPL-2.1", True),
        ("EUPL v1.2", True),
        ("BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0", False),
        ("PSF-2.0", False),
        ("Apache-2.0 WITH LLVM-exception", False),
    ],
)
def test_copyleft_is_known_by_its_words(text: str, copyleft: bool) -> None:
    assert bool(COPYLEFT.search(text)) is copyleft
