"""Frames scored per second, beside a straightforward per-image evaluator in PyTorch.

    python benchmarks/scoring.py [--frames 1000] [--processes 2]

Both read the same 16-bit PNG maps of 256x640 with dense truth and work out the whole error family under all
six alignments. The plain evaluator is written as published ones are: boolean indexing, one function a frame,
here with the alignments in a loop. Also timed: ours with every picture metric and slice, and what memory the
scoring takes for a tenth of the frames and for all.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import torch

from thermodepth.evaluation.protocols.named import named_protocol
from thermodepth.evaluation.scoring.chunks import score_source
from thermodepth.evaluation.scoring.map_folders import MapFolders
from thermodepth.evaluation.scoring.sources import FolderSource
from thermodepth.metrics import ERRORS, METRICS
from thermodepth.types import Geometry

SIZE = (256, 640)
LOW, HIGH = 0.001, 80.0


def main() -> None:
    """Write the maps, then print one line per way of scoring them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        write_maps(root, arguments.frames)
        folders = MapFolders(root / "predictions", root / "truth", geometry=Geometry.METRIC_DEPTH)
        source = FolderSource(folders=folders, arm="maps", baselines=False)
        before = memory_mb()
        few = frames_per_s(source, tuple(ERRORS), 1, arguments.frames // 10)
        after_few = memory_mb()
        one = frames_per_s(source, tuple(ERRORS), 1, arguments.frames)
        print(f"errors, 6 alignments, 1 process: {one:.1f} frames/s")
        print(
            f"memory of that process: {before:.0f} MB before, {after_few:.0f} MB after a tenth of the "
            f"frames ({few:.1f} frames/s), {memory_mb():.0f} MB after all"
        )
        many = frames_per_s(source, tuple(ERRORS), arguments.processes, arguments.frames)
        print(
            f"errors, 6 alignments, {arguments.processes} processes: {many:.1f} frames/s, "
            f"1000 frames in {1000 / many:.1f} s"
        )
        everything = frames_per_s(source, tuple(METRICS), arguments.processes, arguments.frames)
        print(f"every metric and slice, {arguments.processes} processes: {everything:.1f} frames/s")
        plain = plain_frames_per_s(root, min(arguments.frames, 200))
        print(f"plain PyTorch, the same errors, 1 process: {plain:.1f} frames/s")
        print(f"ours / plain: {one / plain:.2f} with one process, {many / plain:.2f} with all")


def memory_mb() -> float:
    """The most this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def frames_per_s(
    source: FolderSource, metrics: tuple[str, ...], processes: int, frames: int
) -> float:
    """Ours, from files to rows."""
    protocol = named_protocol("range:0.001-80")
    began = time.perf_counter()
    scored = 0
    for chunk in score_source(
        source, protocol, study="bench", metrics=metrics, processes=processes
    ):
        scored += chunk.frames
        if scored >= frames:
            break
    return scored / (time.perf_counter() - began)


def write_maps(root: Path, frames: int) -> None:
    """A sloping ground with boxes, and a prediction of it that is off in scale, shape and noise."""
    rows, columns = SIZE
    random = np.random.default_rng(0)
    for folder in ("predictions", "truth"):
        (root / folder).mkdir()
    ground = 1.5 * 400 / np.maximum(np.arange(rows) - 90.0, 5.0)[:, None] * np.ones(columns)
    for number in range(frames):
        depth = np.minimum(ground, 79.0)
        for _ in range(8):
            near, top, left = random.uniform(3, 60), random.integers(20, 200), random.integers(560)
            box = np.s_[top : top + 50, left : left + 80]
            depth[box] = np.minimum(depth[box], near)
        noise = cv2.GaussianBlur(random.normal(size=SIZE), (0, 0), 6) * 1.5
        guess = (1.1 * depth**0.95 * np.exp(noise)).clip(0.1, 200.0)
        for folder, values in (("predictions", guess), ("truth", depth)):
            name = str(root / folder / f"{number:06d}.png")
            cv2.imwrite(name, np.round(values * 256).astype(np.uint16))


def plain_frames_per_s(root: Path, frames: int) -> float:
    """What a published evaluation script does."""
    began = time.perf_counter()
    results = []
    for number in range(frames):
        maps = [
            cv2.imread(str(root / folder / f"{number:06d}.png"), cv2.IMREAD_UNCHANGED)
            for folder in ("predictions", "truth")
        ]
        prediction, truth = (torch.from_numpy(m.astype(np.float32)) / 256 for m in maps)
        mask = (truth > LOW) & (truth < HIGH)
        p, d = prediction[mask].double(), truth[mask].double()
        results += [
            plain_errors(plain_alignment(p, d, align).clamp(LOW, HIGH), d)
            for align in ("none", "median", "scale", "depth", "inverse", "log")
        ]
    assert len(results) == 6 * frames
    return frames / (time.perf_counter() - began)


def plain_alignment(p: torch.Tensor, d: torch.Tensor, align: str) -> torch.Tensor:
    """The prediction, told of the truth."""
    if align == "none":
        return p
    if align == "median":
        return p * d.median() / p.median()
    if align == "scale":
        return p * (p @ d) / (p @ p)
    there = {"depth": lambda x: x, "inverse": torch.reciprocal, "log": torch.log}[align]
    x = torch.stack([there(p), torch.ones_like(p)], dim=1)
    fitted = x @ torch.linalg.lstsq(x, there(d)[:, None]).solution[:, 0]
    if align == "inverse":
        return 1 / fitted.clamp(min=1 / HIGH)
    return fitted.exp() if align == "log" else fitted


def plain_errors(p: torch.Tensor, d: torch.Tensor) -> list[float]:
    """The family, term by term."""
    ratio = torch.maximum(p / d, d / p)
    difference = torch.log(p) - torch.log(d)
    return [
        value.item()
        for value in (
            ((p - d).abs() / d).mean(),
            ((p - d) ** 2 / d).mean(),
            ((p - d) ** 2 / d**2).mean(),
            ((p - d) ** 2).mean().sqrt(),
            (difference**2).mean().sqrt(),
            ((difference**2).mean() - difference.mean() ** 2).sqrt() * 100,
            (ratio < 1.25).double().mean(),
            (ratio < 1.25**2).double().mean(),
            (ratio < 1.25**3).double().mean(),
            (p - d).abs().mean(),
            (torch.log10(p) - torch.log10(d)).abs().mean(),
            difference.mean(),
        )
    ]


if __name__ == "__main__":
    main()
