"""`python -m thermodepth.synthetic`."""

from __future__ import annotations

from pathlib import Path

import pytest

from thermodepth.synthetic.__main__ import main
from thermodepth.synthetic.pack import Pack


def test_writes_a_pack(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("embreex")
    out = tmp_path / "deep" / "out.zip"
    assert main([str(out), "--train", "2", "--test", "1", "--size", "24x18", "--samples", "1"]) == 0
    printed = capsys.readouterr()
    assert "3 frames" in printed.out
    assert "3/3 frames" in printed.err
    with Pack.open(out) as pack:
        assert [row.seed for row in pack.rows] == [0, 1, 200_000]
        assert pack.size == (18, 24)


def test_nothing_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "out.zip")]) == 2
    assert "at least one seed" in capsys.readouterr().err


@pytest.mark.parametrize("size", ["128", "4x4", "99999x10", "ax b"])
def test_impossible_size(tmp_path: Path, size: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([str(tmp_path / "out.zip"), "--train", "1", "--size", size])
    assert "is not a size like 128x96" in capsys.readouterr().err
