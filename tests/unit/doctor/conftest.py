"""A clean set, made once and copied for each test that breaks it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from small_set import A_RECORDING, FRAMES, Diagnose, harmful, scene, write_frame

from thermodepth.doctor import Finding, examine


@pytest.fixture(scope="session")
def _clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("clean") / "set"
    lines = ["ID,Sequence,Category"]
    for number in range(1, FRAMES + 1):
        write_frame(root, number, scene(number))
        lines.append(f"{number},walk-{(number - 1) // A_RECORDING:02d},table")
    (root / "frames.csv").write_text("\n".join(lines) + "\n")
    return root


@pytest.fixture
def root(_clean: Path, tmp_path: Path) -> Path:
    """A copy of the clean set, to be broken."""
    return Path(shutil.copytree(_clean, tmp_path / "set"))


@pytest.fixture
def diagnose() -> Diagnose:
    """`diagnose(spec)`: errors and warnings by their check, of which there must be one each."""

    def call(spec: str, **options: int) -> dict[str, Finding]:
        return harmful(examine(spec, threads=2, **options))

    return call
