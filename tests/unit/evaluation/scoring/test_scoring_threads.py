"""No digit of a score depends on how many threads the machine lends to numpy."""

import os
import subprocess
import sys

SCRIPT = """
import hashlib
from dataclasses import replace
import numpy as np
from thermodepth.evaluation.protocols.named import named_protocol
from thermodepth.evaluation.head_maps import two_head_maps
from thermodepth.evaluation.scoring.baselines import baseline_head_maps, fit_baselines
from thermodepth.evaluation.scoring.score import score_frame
from thermodepth.types import Sample, ThermalUnit

random = np.random.default_rng(0)
depth = np.exp(random.uniform(0.0, 4.0, (200, 300)))
prediction = depth * np.exp(0.2 * random.normal(size=depth.shape))
sample = Sample(
    sample_id="a",
    thermal=random.integers(0, 999, depth.shape).astype(np.uint16),
    thermal_unit=ThermalUnit.COUNTS,
    intrinsics=np.array([[200, 0, 150], [0, 200, 100], [0, 0, 1]], np.float32),
    depth_m=depth.astype(np.float32),
)
others = [
    replace(sample, sample_id=str(n), thermal=random.integers(0, 999, depth.shape).astype(np.uint16))
    for n in range(60)
]
baselines = fit_baselines(others, protocol=named_protocol("synthetic"))
answers = {"net": two_head_maps(prediction, 1 / prediction), **baseline_head_maps(baselines, sample)}
found = score_frame(answers, sample, named_protocol("synthetic"), frame=0, study="s", seed=0)
print(hashlib.sha256(repr(found.rows).encode()).hexdigest())
"""


def test_one_thread_and_two_give_the_same_rows():
    told = set()
    for threads in ("1", "2"):
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        environment = os.environ | dict.fromkeys(names, threads)
        run = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        told.add(run.stdout)
    assert len(told) == 1
