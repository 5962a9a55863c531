"""Letters of most languages, and round metres beside a scale."""

from __future__ import annotations

import subprocess
import sys

import pytest

from thermodepth.lettering import round_metres, typeface


def test_the_typeface_is_there_without_importing_what_carries_it() -> None:
    code = (
        "import sys; from thermodepth.lettering import typeface; "
        "assert typeface(15).getname() == ('DejaVu Sans', 'Book'); "
        "assert typeface(15, bold=True).getname()[1] == 'Bold'; assert 'matplotlib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert typeface(30).getlength("depth") > 1.8 * typeface(15).getlength("depth") > 0


def test_without_matplotlib_pillow_has_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("thermodepth.lettering.find_spec", lambda _: None)
    typeface.cache_clear()
    plain = typeface(15)
    typeface.cache_clear()
    assert plain.getname()[0] != "DejaVu Sans"
    assert plain.getlength("depth") > 15


@pytest.mark.parametrize(
    ("near", "far", "expected"),
    [
        (0.4, 55.0, [0.5, 1, 2, 5, 10, 20, 50]),
        (4.0, 8.5, [4, 5, 6, 7, 8]),
        (2.0, 2.02, [2.0, 2.005, 2.01, 2.015, 2.02]),
    ],
)
def test_metres_beside_a_scale_are_round(near: float, far: float, expected: list[float]) -> None:
    assert round_metres(near, far) == pytest.approx(expected)
