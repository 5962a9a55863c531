"""Both sides in one wrong unit: nothing shows between them, so the truth is held against the range."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from thermodepth.cli.foreign_maps import ForeignMaps
from thermodepth.cli.scoring import ScoringOptions, evaluate_maps
from thermodepth.errors import DataError
from thermodepth.files import encode_png

RNG = np.random.default_rng(5)
ROWS, COLUMNS = 48, 64


def folders(root: Path, *, kind: str, per_metre: float, far_m: float = 40.0) -> tuple[Path, Path]:
    """Four frames of a road, predicted to 5 %, both sides in `per_metre` to a metre."""
    for frame in range(4):
        truth = np.tile(np.geomspace(far_m, 3, ROWS)[:, None], (1, COLUMNS))
        for side, noise in (("truth", 0.0), ("mine", 0.05)):
            values = truth * per_metre * np.exp(RNG.normal(0, noise, truth.shape))
            (root / side).mkdir(exist_ok=True)
            if kind == "float":
                np.save(root / side / f"{frame}.npy", values.astype(np.float32))
            else:
                png = encode_png(values.round().astype(np.uint16))
                (root / side / f"{frame}.png").write_bytes(png)
    return root / "mine", root / "truth"


def evaluate(root: Path, *, protocol: str = "range:0.5-50", scale: float = 256) -> None:
    maps = ForeignMaps(
        predictions=root / "mine",
        truth=root / "truth",
        geometry="metric_depth",
        png_scale=scale,
        truth_scale=scale,
    )
    evaluate_maps(maps, ScoringOptions(protocol=protocol, processes=1))


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())


def test_millimetres_in_whole_numbers_on_both_sides(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders(tmp_path, kind="png", per_metre=1000)
    evaluate(tmp_path)
    told = said(capsys)
    assert (
        "are these millimetres read as 1/256 m? Use --truth-scale 1000, and --png-scale 1000"
        in told
    )
    evaluate(tmp_path, scale=1000)
    assert "are these" not in said(capsys)


def test_float_millimetres_on_both_sides(tmp_path: Path) -> None:
    folders(tmp_path, kind="float", per_metre=1000)
    with pytest.raises(
        DataError, match=r"no frame has truth .*are these millimetres read as metres\?"
    ):
        evaluate(tmp_path)


def test_the_reverse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders(tmp_path, kind="png", per_metre=256, far_m=12)
    evaluate(tmp_path, scale=1000, protocol="range:2-50")
    assert "are these 1/256 m read as millimetres?" in said(capsys)


@pytest.mark.parametrize("far_m", [40.0, 200.0])  # 200: a third of the truth lies beyond the range
def test_what_is_right_is_let_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], far_m: float
) -> None:
    folders(tmp_path, kind="png", per_metre=256, far_m=far_m)
    evaluate(tmp_path)
    assert "are these" not in said(capsys)
