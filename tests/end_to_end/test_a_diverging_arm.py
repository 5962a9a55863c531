"""A study with an arm that diverges: the others go on, and the folder and the exit code say so."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

STUDY = """
name = "wild"
title = "One arm diverges"
design = "list"
settings.steps = 6

[settings.model]
weights = "none"
decoder_width = 8

[settings.data]
batch_size = 2

[settings.teacher]
kind = "truth"

[settings.losses]
guided_smooth.start = 0.4

[[arms]]
name = "full"
title = "All"

[[arms]]
name = "wild"
title = "Wild"
edits = { "losses.guided_smooth.weight" = 1e39 }

[[arms]]
name = "bare"
title = "Bare"
edits = { "losses.groups.smooth" = false }
"""


def test_a_study_goes_on_beside_an_arm_that_diverged(
    thermodepth: Callable[..., tuple[int, str, str]], tiny_pack: Path, tmp_path: Path
) -> None:
    (tmp_path / "wild.toml").write_text(STUDY)
    call = ("study", "run", "wild.toml", "--data", f"synthetic:{tiny_pack}")
    code, _, err = thermodepth(*call, "--out", "s", "--processes", "1")
    assert code == 3
    assert "1 of 3 cells diverged" in err
    assert "wild/seed-0: diverged at step 3: every loss term is finite but" in err
    cells = tmp_path / "s" / "cells"
    failure = json.loads((cells / "wild/seed-0/failed.json").read_text())
    assert (failure["kind"], failure["step"]) == ("diverged", 3)
    for arm, done in (("full", True), ("wild", False), ("bare", True)):
        assert (cells / arm / "seed-0/rows.parquet").is_file() == done
        assert (cells / arm / "seed-0/failed.json").is_file() == (not done)
    assert err.index("wild/seed-0: failed") < err.index("bare/seed-0: step 6/6")
