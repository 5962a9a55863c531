"""The page of a study that never ran, with everything that a page can hold."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from thermodepth.evaluation.protocols.named import named_protocol
from thermodepth.evaluation.rows.rows import rows_from_records
from thermodepth.metrics import ERRORS
from thermodepth.report.page.scenes import PickedScene
from thermodepth.report.study.answers import effects_tables
from thermodepth.report.study.facts import PageFacts
from thermodepth.report.study.figures import DrawnFigure
from thermodepth.report.study.methods import methods_text
from thermodepth.report.study.page import report_html
from thermodepth.report.study.tables import study_tables
from thermodepth.statistics.findings import analyze
from thermodepth.study.arm import ArmLabel
from thermodepth.study.results.cells import CellRecord
from thermodepth.study.results.entries import table_entries
from thermodepth.study.results.findings import StudyFindings
from thermodepth.study.results.fitted_scenes import FittedScenes
from thermodepth.study.results.frames import frame_errors
from thermodepth.study.results.ledger_matrix import PartChange
from thermodepth.study.results.result_rows import measurements_of
from thermodepth.study.results.training_logs import Curve, logged_columns

#: How far each arm lies off the reference, in percent: a factorial of two factors, and one weight's levels.
CHANGES = {
    "full": 0.0,
    "no-smooth": 3.0,
    "no-consistency": -4.0,
    "no-smooth-no-consistency": 9.0,
    "smooth-x0p1": 2.5,
    "smooth-x0p3": 1.0,
    "smooth-x3": 0.2,
    "smooth-x10": 6.0,
    "guided": 1.0,
    "plain": -1.0,
}
SEEDS = (0, 1, 2)
FRAMES = 12
SIZE = (48, 64)


def make_page() -> str:
    """Ten arms of three seeds, two scenes, both figures, one cell that diverged."""
    rng = np.random.default_rng(5)
    arms = [ArmLabel(name=name, title=name.replace("-", " ").title()) for name in CHANGES]
    frames = [f"street-{number:02d}" for number in range(FRAMES)]
    easy = rng.uniform(0.1, 0.3, FRAMES)
    protocol = named_protocol("synthetic")
    rows = rows_from_records(
        {
            "study": "made",
            "arm": arm,
            "seed": seed,
            "frame": number,
            "sample_id": frame,
            "sequence": frame,
            "condition": "day",
            "protocol": protocol.protocol_id(),
            "head": "depth",
            "against": "truth",
            "alignment": "none",
            "slice": part,
            "metric": metric,
            "value": value * (1 + place),
            "pixels": 100,
        }
        for arm, change in CHANGES.items()
        for seed in SEEDS
        for number, frame in enumerate(frames)
        for value in [easy[number] * (1 + change / 100 + rng.normal(0, 0.004))]
        for part in ("all", "range:1-2.5")
        for place, metric in enumerate(ERRORS)
    )
    names = list(CHANGES)
    contrasts = analyze(
        {name: measurements_of(rows, name) for name in ("abs_rel", "rmse")}, reference="full"
    )
    findings_of_study = StudyFindings(
        contrasts=contrasts,
        tables=table_entries(rows, arms=arms, reference="full", answers=contrasts),
        ledger={
            s.comparison.question.title: {
                "scale": PartChange(percent=-4.0, interval=(-5.0, -3.0)),
                "shape": PartChange(percent=1.0, interval=(-1.0, 3.0)),
            }
            for s in contrasts.tested
            if s.comparison.question.kind == "main effect"
        },
        errors=frame_errors(rows),
        curves=logged_columns(
            [_curve(arm, seed, rng) for arm in names for seed in SEEDS], arms=names
        ),
        scenes=FittedScenes(scenes=(), arms=tuple(arms), seed=0),
        gradients=(),
    )
    facts = PageFacts(
        title="A study that never ran",
        setup={"Data": "made up"},
        protocol=protocol,
        edits={"no-smooth": {"losses.groups.smooth": (True, False)}},
        provenance={"Command": "thermodepth study run made " + "--set losses.silog.weight=2 " * 9},
        remarks=["No results: plain/seed-3: diverged at step 412: loss is nan."],
        cells=[
            *(
                CellRecord(arm=arm, seed=seed, state="done", seconds=51.8, fingerprint="0" * 16)
                for seed in SEEDS
                for arm in CHANGES
            ),
            CellRecord(arm="plain", seed=3, state="diverged at step 412: loss is nan"),
        ],
    )
    return report_html(
        facts,
        findings_of_study,
        tables={
            **study_tables(findings_of_study.tables),
            **effects_tables(contrasts, findings_of_study.ledger),
        },
        methods=methods_text(contrasts),
        figures=[
            DrawnFigure(kind="metric", title="Metric depth", caption="Made.", png=_png(rng)),
        ],
        scenes=make_scenes(),
    )


def make_scenes() -> list[PickedScene]:
    """Two frames with every arm."""
    rng = np.random.default_rng(6)
    arms = [ArmLabel(name=name, title=name.replace("-", " ").title()) for name in CHANGES]
    return [_scene(f"street-{number:02d}", arms, rng) for number in range(2)]


def _curve(arm: str, seed: int, rng: np.random.Generator) -> Curve:
    steps = np.arange(1.0, 40.0)
    falling = (2 + CHANGES[arm] / 20) / steps**0.5 * np.exp(rng.normal(0, 0.05, steps.size))
    points = tuple(zip(steps.tolist(), falling.tolist(), strict=True))
    return Curve(arm=arm, seed=seed, columns={"total": points, "gradient_norm": points})


def _scene(name: str, arms: list[ArmLabel], rng: np.random.Generator) -> PickedScene:
    truth = np.geomspace(40, 2, SIZE[0])[:, None] * np.linspace(1, 1.5, SIZE[1])
    noisy = {
        arm.title: truth * np.exp(rng.normal(0.02 * n, 0.1, SIZE)) for n, arm in enumerate(arms)
    }
    return PickedScene(
        sample_id=name,
        condition="day",
        reason="median",
        thermal=rng.integers(7000, 7200, SIZE).astype(np.uint16),
        truth_m=truth,
        predictions=noisy,
        scores={title: {"abs_rel": 0.1} for title in noisy},
        structures={title: 1 / depth for title, depth in noisy.items()},
    )


def _png(rng: np.random.Generator) -> bytes:
    stream = io.BytesIO()
    picture = rng.integers(0, 255, (60, 400, 3)).astype(np.uint8)
    Image.fromarray(picture).save(stream, "PNG")
    return stream.getvalue()
