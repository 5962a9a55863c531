"""A study as a file: what it becomes, and what a person gets wrong in it."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from thermodepth.errors import SettingsError
from thermodepth.recipes import named_study, named_training
from thermodepth.recipes.paper import ARMS
from thermodepth.study.files import DESIGNS, parse_study, read_study, study_of

PAPER = """
name = "which-losses"
title = "Which losses carry the depth?"
seeds = 3
settings.steps = 40

[settings.optimiser]
learning_rate = 1e-3

[factors.silog]
losses.groups.silog = false
[factors]
smooth = { "losses.groups.smooth" = false }
consistency = { "losses.groups.consistency" = false }

[[claims]]
name = "consistency-rmse"
text = "Without consistency RMSE rises."
question = "no-consistency"
metric = "rmse"
says = "rises"
at_least = 0.05

[[claims]]
name = "smooth-log-bias"
text = "Smooth steadies the scale."
question = "main effect: smooth"
metric = "log_bias.spread"
says = "falls"
"""
DOSES = """
name = "doses"
design = "dose-response"
[doses.consistency]
setting = "losses.gradient_consistency.weight"
levels = [0, 0.3, 1, 3]
"""
LIST = """
name = "chosen"
design = "list"
reference = "all"
[factors.smooth]
losses.groups.smooth = false
[[arms]]
name = "all"
[[arms]]
name = "none"
title = "Nothing smooth"
off = ["smooth"]
edits.losses.metric_silog.weight = 2.0
"""


@pytest.fixture
def write(tmp_path):
    def writer(text, name="study.toml"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return writer


def arms_of(path):
    return {arm.name: arm for arm in study_of(read_study(path), named_training("thermal")).arms}


def test_a_file_is_a_study(write):
    file = read_study(write(PAPER))
    assert file.seeds == (0, 1, 2)
    assert file.settings == {"steps": 40, "optimiser.learning_rate": 1e-3}
    study = study_of(file, named_training("thermal"))
    assert (study.settings.steps, study.settings.optimiser.learning_rate) == (40, 1e-3)
    # Three factors: all eight settings, among them the paper's five under their own names.
    assert len(study.arms) == 8
    own = {arm.name: dict(arm.edits) for arm in study.arms}
    for arm in ARMS:
        assert own[arm.name] == dict(arm.edits)
    assert [claim.at_least for claim in file.claims] == [0.05, None]


@pytest.mark.parametrize(
    ("design", "arms"),
    [
        ("leave-one-out", ["full", "no-silog", "no-smooth", "no-consistency"]),
        (
            "half-fraction",
            ["full", "no-smooth-no-consistency", "no-silog-no-consistency", "no-silog-no-smooth"],
        ),
        (
            "add-one-in",
            [
                "no-silog-no-smooth-no-consistency",
                "no-smooth-no-consistency",
                "no-silog-no-consistency",
                "no-silog-no-smooth",
            ],
        ),
    ],
)
def test_every_design_makes_its_arms(write, design, arms):
    head, _, _ = PAPER.partition("[[claims]]")
    path = write(f'design = "{design}"\nreference = "{arms[0]}"\n{head}')
    assert set(arms_of(path)) == set(arms)


def test_doses_multiply_what_the_recipe_has(write):
    arms = arms_of(write(DOSES))
    weight = named_training("thermal").losses.gradient_consistency.weight
    key = "losses.gradient_consistency.weight"
    assert {name: arm.edits.get(key) for name, arm in arms.items()} == {
        "full": None,
        "no-consistency": 0.0,
        "consistency-x0p3": pytest.approx(0.3 * weight),
        "consistency-x3": pytest.approx(3 * weight),
    }


def test_a_list_takes_factors_off_and_edits(write):
    arms = arms_of(write(LIST))
    assert arms["all"].edits == {}
    assert arms["none"].edits == {
        "losses.groups.smooth": False,
        "losses.metric_silog.weight": 2.0,
    }
    assert arms["none"].title == "Nothing smooth"


def test_a_twin_is_the_reference_once_more(write):
    arms = arms_of(write("twin = true\n" + PAPER))
    assert arms["full-twin"].edits == arms["full"].edits == {}


def test_a_python_file_is_the_same_study(write):
    tree = read_study(write(PAPER)).tree()
    from_dictionary = write(f"def study():\n    return {tree!r}\n", "a.py")
    code = "from thermodepth.study.files import parse_study\ndef study():\n"
    from_record = write(f"{code}    return parse_study({tree!r}, where='b')\n", "b.py")
    assert read_study(from_dictionary) == read_study(from_record) == read_study(write(PAPER))


SMOOTH = 'name = "x"\n[factors.smooth]\nlosses.groups.smooth = false\n'
ASKS = 'question = "no-smooth"\n'
CLAIM = SMOOTH + '[[claims]]\nname = "c"\ntext = "t"\nsays = "rises"\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name = ", "cannot be read as TOML"),
        ('nam = "x"\n' + SMOOTH, "no setting 'nam'; did you mean 'name'?"),
        ("title = 'x'", "name: field required"),
        (SMOOTH.replace('"x"', '"A b"'), "name = 'A b', expected a-z, 0-9 and dashes"),
        ('name = "x"', "a study needs factors"),
        ('design = "full-factoral"\n' + SMOOTH, "design = 'full-factoral'"),
        ('design = "half-fraction"\n' + SMOOTH, "a half fraction of 1 factors"),
        ('design = "list"\n' + SMOOTH, "list needs arms"),
        ('design = "dose-response"\n' + SMOOTH, "dose-response needs doses"),
        (SMOOTH + "[doses.a]\nsetting = 'steps'\n", "doses are for design = 'dose-response'"),
        ("seeds = 0\n" + SMOOTH, "seeds = 0, expected 1 to 1000 or a list"),
        ("seeds = [1, 1]\n" + SMOOTH, "seeds = [1, 1], expected distinct numbers"),
        ("seeds = [-1]\n" + SMOOTH, "expected distinct numbers from 0"),
        ("seeds = true\n" + SMOOTH, "seeds = True"),
        ('reference = "ful"\n' + SMOOTH, "unknown reference arm 'ful'; did you mean 'full'?"),
        ('primary = ["absrel"]\n' + SMOOTH, "unknown metric 'absrel'; did you mean 'abs_rel'?"),
        ("smallest_effect = 0.0\n" + SMOOTH, "smallest_effect = 0.0: input should be greater than 0"),
        (SMOOTH + "[factors.b]\nlosses.groups.smooth = true\n", "factors 'smooth' and 'b' both edit"),
        (SMOOTH + "[factors.b]\nlosses.groups = 1\n", "factors 'smooth' and 'b' both edit losses.groups"),
        (SMOOTH + "[factors.b]\n", "factors.b = {}: expected a section"),
        ('name = "x"\nfactors.smooth = false\n', "factors.smooth = False: expected a section"),
        ('name = "x"\n[factors."a b"]\nsteps = 3\n', "factor 'a b': expected a-z"),
        (LIST.replace('["smooth"]', '["smoth"]'), "arm 'none', off: unknown factor 'smoth'; did you mean"),
        (LIST.replace('"none"', '"all"'), "arms: 'all' is used twice"),
        (LIST.replace("title", "titel"), "arms[1]: no setting 'titel'; did you mean 'title'?"),
        (DOSES.replace("0.3", "-1"), "consistency: levels"),
        (DOSES.replace("levels", "level"), "doses.consistency: no setting 'level'; did you mean 'levels'?"),
        (CLAIM + 'metric = "rmse"\nquestion = "no-smoth"\n', "[0].question: unknown question 'no-smoth'"),
        (CLAIM + 'metric = "rmsee"\nquestion = "no-smooth"\n', "claims[0].metric: unknown metric 'rmsee'"),
        (CLAIM + 'metric = "rmse.spred"\n' + ASKS, "unknown form 'spred'; did you mean 'spread'?"),
        (CLAIM + 'metric = "rmse"\nqestion = "no-smooth"\n', "'qestion'; did you mean 'question'?"),
        (CLAIM.replace("rises", "soars") + 'metric = "rmse"\nquestion = "no-smooth"\n', "says = 'soars'"),
        (SMOOTH + "[settings]\nday = 2020-01-01\n", "settings are plain JSON values"),
    ],
)  # fmt: skip
def test_mistakes_are_named_with_file_and_key(write, text, words):
    with pytest.raises(SettingsError) as refusal:
        read_study(write(text))
    assert words in str(refusal.value)
    assert "study.toml" in str(refusal.value)
    assert "\n" not in str(refusal.value) or "TOML" in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SMOOTH.replace("smooth =", "smoth ="), "no setting 'losses.groups.smoth'; did you mean"),
        ("settings.stepss = 3\n" + SMOOTH, "study x: settings: no setting 'stepss'; did you mean 'steps'?"),
        (DOSES.replace("weight", "detach"), "= 'none', expected a number other than 0"),
        (DOSES.replace("weight", "wait"), "unknown setting 'losses.gradient_consistency.wait'"),
    ],
)  # fmt: skip
def test_edits_that_do_not_exist_are_found_before_training(write, text, words):
    with pytest.raises(SettingsError) as refusal:
        study_of(read_study(write(text)), named_training("thermal"))
    assert words in str(refusal.value)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("x = 1\n", "has no function study()"),
        ("def study():\n    return 3\n", "study() returned int"),
        ("def study():\n    return 1 / 0\n", "s.py: line 2: ZeroDivisionError: division by zero"),
        ("def study(:\n", "s.py: line 1: SyntaxError"),
        ("def study():\n    return {'nam': 'x'}\n", "no setting 'nam'"),
    ],
)
def test_a_python_file_that_makes_no_study_is_refused(write, code, words):
    with pytest.raises(SettingsError) as refusal:
        read_study(write(code, "s.py"))
    assert words in str(refusal.value)


def test_other_files_are_refused(write, tmp_path):
    with pytest.raises(SettingsError, match=r"expected a study as \.toml or \.py"):
        read_study(write("{}", "study.json"))
    with pytest.raises(SettingsError, match="cannot be read"):
        read_study(tmp_path / "none.toml")


def test_every_design_of_the_list_is_known():
    for design in DESIGNS:
        with pytest.raises(SettingsError, match="needs"):
            parse_study({"name": "x", "design": design}, where="here")


def test_the_files_of_the_page_are_studies(tmp_path):
    """docs/study.md shows them, and people copy them."""
    page = (Path(__file__).resolve().parents[3] / "docs" / "study.md").read_text("utf-8")
    blocks = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 3
    sizes = []
    for block in blocks:
        path = tmp_path / "study.toml"
        path.write_text(block)
        file = read_study(path)
        sizes.append(len(study_of(file, named_training(file.recipe)).arms))
    assert sizes == [5, 6, 3]  # four and a twin; six levels; a list


SMALL = """
name = "small"
[factors]
smooth = { "losses.groups.smooth" = false }
consistency = { "losses.groups.consistency" = false }
"""


def test_a_list_keeps_the_design_of_its_file_whatever_its_arms_are_called(write):
    """`no-smooth` switches consistency off here, and one arm edits more than switches."""
    text = PAPER[: PAPER.index("[factors.silog]")].replace(
        "settings.steps = 40", 'settings.steps = 40\ndesign = "list"'
    )
    text += """
[factors]
smooth = { "losses.groups.smooth" = false }
consistency = { "losses.groups.consistency" = false }

[[arms]]
name = "full"
[[arms]]
name = "no-smooth"
off = ["consistency"]
[[arms]]
name = "no-consistency"
off = ["smooth"]
[[arms]]
name = "no-smooth-no-consistency"
off = ["smooth", "consistency"]
edits = { "optimiser.learning_rate" = 1e-4 }
"""
    study = study_of(read_study(write(text)), named_training("thermal"))
    assert study.design is not None
    assert dict(study.design.arms) == {
        "full": (True, True),
        "no-smooth": (True, False),
        "no-consistency": (False, True),
    }
    assert study.design.kind == "list"


@pytest.mark.parametrize(
    "twice", ['"rmse", "rmse"', '"rmse", "rmse.value"', '"log_bias", "log_bias.distance"']
)
def test_a_primary_metric_is_named_once(write, twice):
    with pytest.raises(SettingsError, match="is there twice"):
        read_study(write(f"primary = [{twice}]\n" + PAPER))


def test_a_factor_that_reads_as_two_is_refused(write):
    text = PAPER.replace("[factors.silog]", "[factors.a-no-b]")
    with pytest.raises(SettingsError, match="'-no-' parts the factors"):
        read_study(write(text))


def test_an_arm_with_the_twins_name_must_be_the_reference():
    study = named_study("paper", named_training("thermal"), seeds=1)
    other = replace(study.arms[1], name="full-twin")
    with pytest.raises(SettingsError, match="the name of the reference's twin"):
        replace(study, arms=(*study.arms, other))


def test_adding_one_in_is_compared_with_nothing(write):
    study = study_of(
        read_study(write('design = "add-one-in"\n' + SMALL)), named_training("thermal")
    )
    assert study.reference == "no-smooth-no-consistency"
    assert next(arm.name for arm in study.arms) == study.reference


def test_an_arm_that_changes_nothing_is_refused(write):
    text = SMALL.replace('"losses.groups.smooth" = false', '"losses.groups.smooth" = true')
    with pytest.raises(SettingsError, match="has the settings of the reference 'full'"):
        study_of(read_study(write(text)), named_training("thermal"))


def test_a_file_with_a_byte_order_mark_is_read(tmp_path):
    path = tmp_path / "bom.toml"
    path.write_bytes(b"\xef\xbb\xbf" + SMALL.encode())
    assert read_study(path).name == "small"


def test_a_python_file_that_ends_the_program_is_one_line(tmp_path):
    path = tmp_path / "ends.py"
    path.write_text("import sys\n\ndef study():\n    sys.exit(3)\n")
    with pytest.raises(SettingsError, match="line 4: SystemExit: 3"):
        read_study(path)


def test_a_dose_of_a_number_that_counts_stays_a_whole_number(write):
    path = write(
        'name = "more"\ntitle = "F"\ndesign = "dose-response"\nsettings.data.most_frames = 200\n'
        '[doses.frames]\nsetting = "data.most_frames"\nlevels = [0.125, 0.5, 1]\n'
    )
    study = study_of(read_study(path), named_training("thermal"))
    counts = [arm.edits["data.most_frames"] for arm in study.arms if arm.edits]
    assert counts == [25, 100]
    assert all(isinstance(count, int) for count in counts)
