"""A labelling that is killed in the middle, as by power or the kernel, and started again."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from thermodepth.teacher import TruthTeacher, open_store
from thermodepth.types import Sample

FRAMES = 400

#: Labels noise, which takes long to compress, so that a kill also meets files half written.
CHILD = """
import sys
import numpy as np
from pathlib import Path
from thermodepth.teacher import TruthTeacher, open_store
from thermodepth.types import Sample, ThermalUnit

def frame(i):
    depth_m = np.random.default_rng(i).uniform(1, 80, (120, 160)).astype(np.float32)
    thermal = np.zeros((120, 160), np.uint16)
    return Sample(sample_id=f"drive/{i}", thermal=thermal, thermal_unit=ThermalUnit.COUNTS,
                  intrinsics=np.eye(3, dtype=np.float32), depth_m=depth_m)

teacher = TruthTeacher()
store = open_store(Path(sys.argv[1]), teacher, "data-1")
store.fill(teacher, map(frame, range(int(sys.argv[2]))), batch_size=4)
"""


class Counting(TruthTeacher):
    """Knows which frames it was asked for."""

    def __init__(self) -> None:
        self.labelled_ids: list[str] = []

    def label(self, samples: Sequence[Sample]) -> list[NDArray[np.float32]]:
        self.labelled_ids += [sample.sample_id for sample in samples]
        return super().label(samples)


@pytest.mark.parametrize("labels_before", [1, 7])
def test_killed_without_a_word_and_started_again(
    labels_before: int, tmp_path: Path, sample_of: Callable[..., Sample]
) -> None:
    teacher = Counting()
    store = open_store(tmp_path, teacher, "data-1")
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path), str(FRAMES)])
    try:
        while len(store.ids()) < labels_before:
            assert child.poll() is None, "ended before it could be killed"
            time.sleep(0.001)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    done = store.ids()
    assert labels_before <= len(done) < FRAMES
    # Whatever was being written at that moment is not a label; one more such leftover does no harm.
    (store.folder / f".{store.path('drive/1').name}.1.part").write_bytes(b"\x89PNG\r\n\x1a\n half")

    def frame(i: int) -> Sample:
        depth_m = np.random.default_rng(i).uniform(1, 80, (120, 160)).astype(np.float32)
        return sample_of(f"drive/{i}", (120, 160), depth_m=depth_m)

    ids = [f"drive/{i}" for i in range(len(done) + 5)]
    store = open_store(tmp_path, teacher, "data-1")
    written = store.fill(teacher, (frame(i) for i in range(len(ids))), batch_size=4)
    assert sorted(teacher.labelled_ids) == sorted(set(ids) - set(done))
    assert written == len(teacher.labelled_ids)
    assert store.missing(ids) == []
    for i, sample_id in enumerate(ids):
        depth_m = frame(i).depth_m
        assert depth_m is not None
        np.testing.assert_allclose(store.read(sample_id), depth_m, rtol=1e-4)
