"""A study says what it is in a line, and in a notebook as a table of its arms."""

from thermodepth.study.design import Arm, Study
from thermodepth.training.settings import TrainingSettings


def test_arms_by_seeds_in_a_line_and_edits_in_a_table_with_titles_escaped() -> None:
    study = Study(
        name="which",
        title="Which?",
        settings=TrainingSettings().edit({"steps": 20, "model.weights": "none"}),
        arms=(
            Arm(name="full", title="All"),
            Arm(name="short", title="<i>Half</i>", edits={"steps": 10}),
        ),
        reference="full",
        seeds=(0, 1, 5),
    )
    line = (
        "Study('which': 2 arms x 3 seeds = 6 cells of 10 to 20 steps on synthetic, reference full)"
    )
    assert repr(study) == line
    html = study._repr_html_()
    assert "seeds 0, 1, 5" in html
    assert "steps = 10" in html
    assert "&lt;i&gt;Half&lt;/i&gt;" in html
    assert "<i>" not in html
