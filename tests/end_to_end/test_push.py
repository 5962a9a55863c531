"""`thermodepth push` as people type it: what would be sent, and what goes wrong. Nothing is sent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from thermodepth.model import load_model, resolve_model

Thermodepth = Callable[..., tuple[int, str, str]]
SCORES = "| model | AbsRel |\n|---|---|\n| any | 0.4 |\n| Baseline: constant depth | 0.7 |\n"


def test_what_would_be_pushed(thermodepth: Thermodepth, tmp_path: Path) -> None:
    (tmp_path / "scores.md").write_text(SCORES)
    code, out, err = thermodepth(
        *("push", "thermal-small", "org/small", "--licence", "apache-2.0"),
        *("--scores", "scores.md", "--to", "sent"),
    )
    assert (code, err) == (0, "")
    assert "sent: what `push` would send to org/small; nothing is sent" in out
    sent = tmp_path / "sent"
    assert load_model(sent).fingerprint == load_model(resolve_model("thermal-small")).fingerprint
    card = (sent / "README.md").read_text()
    assert "| Baseline: constant depth | 0.7 |" in card
    assert "## From its maker" in card  # the CARD.md of the model that ships


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("small", "--licence", "mit"), "small: expected ORG/NAME"),
        (("org/small@main", "--licence", "mit"), "expected ORG/NAME"),
        (("org/small", "--licence", "MIT Licence"), "expected an identifier in lower case"),
        (("org/small",), "Missing option '--licence'"),
        (("org/small", "--licence", "mit", "--scores", "none.md"), "--scores none.md"),
        (("org/small", "--licence", "mit", "--scores", "bare.md"), "no row 'constant depth'"),
        (("org/small", "--licence", "mit", "--to", "taken"), "taken: is there already"),
    ],
)
def test_wrong_words(
    words: tuple[str, ...], message: str, thermodepth: Thermodepth, tmp_path: Path
) -> None:
    (tmp_path / "bare.md").write_text("| model | 0.4 |\n")
    (tmp_path / "taken").mkdir()
    code, _, err = thermodepth("push", "thermal-small", *words)
    assert code == 2
    assert message in " ".join(err.split())
