"""Each comparison of a study is computed once, whatever prints it; printing computes none."""

import numpy as np
import pytest

from thermodepth.recipes import named_study, named_training
from thermodepth.report.study.answers import answers, effects_tables
from thermodepth.report.study.methods import methods_text
from thermodepth.report.study.summary import summary_of
from thermodepth.report.study.tables import study_tables
from thermodepth.statistics import comparison, findings, pooled_df
from thermodepth.study.results import entries
from thermodepth.study.results.entries import table_entries
from thermodepth.study.results.findings import study_contrasts
from thermodepth.study.results.record import labels_of

SEEDS, FRAMES = 3, 8


@pytest.fixture
def study():
    return named_study("paper", named_training("thermal"), seeds=SEEDS).with_twin()


@pytest.fixture
def rows(study, make_rows):
    """Two conditions, a range, a baseline, and every metric of the tables."""
    rng = np.random.default_rng(0)
    values = {
        arm.name: {
            seed: {f"f{i}": 0.2 + 0.01 * n + 0.01 * rng.normal() for i in range(FRAMES)}
            for seed in range(SEEDS)
        }
        for n, arm in enumerate(study.arms)
    }
    values["mean-depth map"] = {0: {f"f{i}": 0.9 for i in range(FRAMES)}}
    conditions = {f"f{i}": "night" for i in range(FRAMES // 2)}
    return make_rows(values, conditions=conditions, ranges=("range:0.3-1",))


def counted_calls(monkeypatch):
    """What is compared, by metric, weights, images and result: equal keys are one comparison."""
    calls = []
    compare, best_set = pooled_df.compare, comparison.best_set

    def counting_compare(block, question, **settings):
        result = compare(block, question, **settings)
        weights = tuple(sorted(question.weights.items()))
        calls.append((block.metric, weights, block.images, result.value))
        return result

    def counting_best_set(block, **settings):
        best = best_set(block, **settings)
        mean = float(block.values[block.place(best.best)].mean())
        calls.append((block.metric, "best", block.images, mean))
        return best

    monkeypatch.setattr(pooled_df, "compare", counting_compare)
    monkeypatch.setattr(findings, "best_set", counting_best_set)
    monkeypatch.setattr(entries, "best_set", counting_best_set)
    return calls


def test_every_comparison_is_computed_once_and_none_by_printing(study, rows, monkeypatch):
    calls = counted_calls(monkeypatch)
    contrasts = study_contrasts(rows, study)
    of_effects = len(calls)
    tables = table_entries(
        rows, arms=labels_of(study), reference=study.reference, answers=contrasts
    )
    assert of_effects > 0
    assert len(calls) > of_effects  # other metrics, ranges, conditions, baselines
    assert [call for call in set(calls) if calls.count(call) > 1] == []
    before = len(calls)
    printed = {**study_tables(tables), **effects_tables(contrasts, {})}
    answers(contrasts, printed, {})
    methods_text(contrasts)
    summary_of(contrasts)
    assert len(calls) == before


def test_the_tables_have_the_very_comparisons_of_the_effects(study, rows):
    contrasts = study_contrasts(rows, study)
    known, alone = (
        table_entries(rows, arms=labels_of(study), reference=study.reference, answers=answers_)
        for answers_ in (contrasts, None)
    )
    for metric in study.primary:
        for arm, entry in known.whole[metric].entries.items():
            if entry.change is not None and arm in [a.name for a in study.arms]:
                assert entry.change is contrasts.comparison_of(arm, metric).comparison
            # And computed alone it is the same to the last bit.
            again = alone.whole[metric].entries[arm].change
            assert (entry.change is None) == (again is None)
            if again is not None:
                assert entry.change.printed_interval() == again.printed_interval()
        assert known.whole[metric].best == alone.whole[metric].best
