"""Every combination of the paper's three term groups: 2^3 arms, the paper's five among them.

Leaving one out says what a term adds when all others are there; the factorial also says what it does on
average, and what it does to the others' effects.

    thermodepth study run paper-factorial --seeds 5
"""

from __future__ import annotations

from thermodepth.statistics.claims import PAPER_CLAIMS
from thermodepth.statistics.designs import full_factorial
from thermodepth.study.design import Arm, Study
from thermodepth.training.settings import TrainingSettings

#: Group of terms -> as a table calls it.
TERMS = {"silog": "SiLog", "smooth": "Smooth", "consistency": "Consistency"}


def paper_factorial(settings: TrainingSettings, *, seeds: int) -> Study:
    """The study over any base settings, seeds 0, 1, ..."""
    design = full_factorial(tuple(TERMS))
    arms = []
    for name, levels in design.arms.items():
        off = [term for term, is_on in zip(TERMS, levels, strict=True) if not is_on]
        title = f"No {' & '.join(TERMS[term] for term in off)}" if off else "All losses"
        arms.append(Arm(name=name, title=title, edits={f"losses.groups.{t}": False for t in off}))
    return Study(
        name="paper-factorial",
        title="Every combination of the paper's terms",
        settings=settings,
        arms=tuple(arms),
        reference="full",
        seeds=tuple(range(seeds)),
        claims=PAPER_CLAIMS,
    )
