"""The same training with the kernels of another processor: other last bits, within what seeds do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

#: Trains three seeds and prints of each the digest of its weights and its mean |error of ln depth|.
RUN = """
import hashlib, json, sys
from pathlib import Path
import numpy as np
from thermodepth.threads import set_thread_policy
set_thread_policy(1)
from thermodepth.data import open_dataset
from thermodepth.inference.predictor import Predictor
from thermodepth.model import load_model
from thermodepth.training.labels import label_reader, label_source, make_labels
from thermodepth.training.loop import train
from thermodepth.training.settings import TrainingSettings

pack, out = sys.argv[1], Path(sys.argv[2])
small = {"steps": 12, "data.batch_size": 3, "model.weights": "none", "model.decoder_width": 8}
small |= {"teacher.kind": "truth", "runtime.device": "cpu", "optimiser.ema_decay": 0.5}
dataset = open_dataset(f"synthetic:{pack}")
frames = dataset.split("test")
samples = [frames.read(place) for place in range(len(frames.sample_ids))]
runs = []
for seed in range(3):
    edits = {"data.source": dataset.spec, "seed": seed, **small}
    settings = TrainingSettings().edit(edits).resolved(dataset)
    store = make_labels(settings.teacher, dataset, out / "labels", split=settings.data.split)
    model = train(
        settings, out / str(seed), dataset=dataset,
        label_of=label_reader(store, budget_bytes=2**20), label_source=label_source(store),
    )
    first = json.loads((out / str(seed) / "run.json").read_text())["first_weights"]
    weights = (model / "weights.safetensors").read_bytes()
    predictor = Predictor(load_model(model), device="cpu")
    errors = []
    for sample, (depth, _) in zip(samples, predictor.maps_of(samples), strict=True):
        valid = np.isfinite(sample.depth_m)
        errors.append(float(np.abs(np.log(depth[valid] / sample.depth_m[valid])).mean()))
    digest = hashlib.sha256(weights).hexdigest()
    runs.append({"first": first, "weights": digest, "error": float(np.mean(errors))})
print(json.dumps(runs))
"""


def trained(pack: Path, out: Path, **limits: str) -> list[dict[str, object]]:
    names = ("DNNL_MAX_CPU_ISA", "ONEDNN_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY")
    plain = {k: v for k, v in os.environ.items() if k not in names}
    call = [sys.executable, "-c", RUN, str(pack), str(out)]
    run = subprocess.run(
        call, env=plain | limits, capture_output=True, text=True, timeout=300, check=False
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])  # type: ignore[no-any-return]


#: What this processor's kernels are held to: the next narrower instructions.
NARROWER = {
    "AVX512": {"DNNL_MAX_CPU_ISA": "AVX2"},
    "AVX2": {"DNNL_MAX_CPU_ISA": "SSE41"},
}
CAPABILITY = torch.backends.cpu.get_cpu_capability()


@pytest.mark.skipif(
    CAPABILITY not in NARROWER, reason="this processor has no wider instructions to take away"
)
def test_a_narrower_vector_changes_bits_and_less_than_another_seed(
    tiny_pack: Path, tmp_path: Path
) -> None:
    wide = trained(tiny_pack, tmp_path / "wide")
    narrow = trained(tiny_pack, tmp_path / "narrow", **NARROWER[CAPABILITY])
    assert [run["first"] for run in wide] == [run["first"] for run in narrow]
    # Or this would show nothing.
    assert all(a["weights"] != b["weights"] for a, b in zip(wide, narrow, strict=True))
    errors = np.array([[run["error"] for run in runs] for runs in (wide, narrow)])
    between_seeds = errors[0].std(ddof=1)
    assert np.abs(errors[1] - errors[0]).max() < between_seeds
