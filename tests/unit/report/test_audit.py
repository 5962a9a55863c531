"""What a published one-run table can carry: the paper's by hand, the arithmetic against other ways to it."""

import csv
import io
import math
from fractions import Fraction
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate, stats

from thermodepth.errors import DataError, SettingsError
from thermodepth.report.audit.tables import audit_tables, rounded, signed
from thermodepth.report.audit.words import audit_page, audit_words
from thermodepth.statistics.audit.audit import audit
from thermodepth.statistics.audit.noise import chance, noise_levels, seeds_needed, sign_flip_seeds
from thermodepth.statistics.audit.published import metric_key, read_published, shipped_table
from thermodepth.statistics.paper_table import PAPER_TABLE

DOCS = Path(__file__).resolve().parents[3] / "docs"
SMALL = "arm,Smooth,Silog,AbsRel\nall,1,1,0.10\nno smooth,0,1,0.12\n"


@pytest.fixture
def write(tmp_path):
    def writer(text):
        path = tmp_path / "table.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return writer


def read(path, *, sd=(), below=(), correlation=0.45, **options):
    table = read_published(path, **options)
    return audit(table, noise=noise_levels(table, sd=sd, below=below), correlation=correlation)


@pytest.fixture(scope="module")
def paper():
    return read(shipped_table())


def effect(found, label, of, given, kind):
    metric = next(m for m in found.metrics if m.metric.label == label)
    (one,) = [
        r
        for r in metric.effects
        if (r.effect.subject, r.effect.held, r.effect.kind) == (of, given, kind)
    ]
    return one


def rows_of(table):
    return list(csv.DictReader(io.StringIO(table.csv())))


# ---- the paper's table


def test_the_shipped_table_is_the_papers():
    table = read_published(shipped_table())
    assert [(a.name, *map(float, a.values)) for a in table.arms] == [
        (row.title, row.abs_rel, row.rmse) for row in PAPER_TABLE
    ]
    assert table.factors == ("SiLog", "Smooth", "Consistency")
    assert table.reference.name == "All losses"


@pytest.mark.parametrize(
    ("metric", "of", "given", "kind", "value"),
    [
        # .1720 - .1700, .2114 - .2328, their mean, their difference
        ("RMSE", "Smooth", "SiLog on, Consistency on", "simple", "+0.0020"),
        ("RMSE", "Smooth", "SiLog on, Consistency off", "simple", "−0.0214"),
        ("RMSE", "Smooth", "SiLog on, mean over Consistency", "main", "−0.0097"),
        ("RMSE", "Smooth × Consistency", "SiLog on", "interaction", "+0.0234"),
        ("AbsRel", "Smooth", "SiLog on, Consistency on", "simple", "+0.0015"),
        ("AbsRel", "Smooth", "SiLog on, Consistency off", "simple", "−0.0079"),
        ("AbsRel", "Smooth", "SiLog on, mean over Consistency", "main", "−0.0032"),
        ("AbsRel", "Smooth × Consistency", "SiLog on", "interaction", "+0.0094"),
        # .0809 - .0816; with .0794 - .0895 the mean is -.0054
        ("AbsRel", "Consistency", "SiLog on, Smooth on", "simple", "−0.0007"),
        ("AbsRel", "Consistency", "SiLog on, mean over Smooth", "main", "−0.0054"),
        ("RMSE", "Consistency", "SiLog on, mean over Smooth", "main", "−0.0511"),
        ("RMSE", "SiLog", "Smooth on, Consistency on", "simple", "−0.0012"),
    ],
)
def test_its_effects_are_those_of_the_hand(paper, metric, of, given, kind, value):
    found = effect(paper, metric, of, given, kind)
    assert signed(found.value, 4) == value
    assert found.value == Fraction(value.replace("−", "-"))  # exactly, not only as printed


def test_three_arms_are_missing_for_the_full_factorial(paper):
    assert {arm.settings for arm in paper.missing} == {
        (False, False, True),
        (False, True, False),
        (False, False, False),
    }
    gives = {arm.settings: arm.gives for arm in paper.missing}
    # (0, 0, 1) closes the square of (1,1,1), (0,1,1), (1,0,1); the last arm closes none alone.
    assert gives[False, False, True] == ("SiLog × Smooth (Consistency on)",)
    assert gives[False, True, False] == ("SiLog × Consistency (Smooth on)",)
    assert gives[False, False, False] == ()


def test_its_reach_says_what_rests_on_one_difference(paper):
    rows = rows_of(audit_tables(paper)["reach"])
    assert [(r["Factor"], r["there"], r["rests on"]) for r in rows] == [
        ("SiLog", "1 of 4", "one difference only"),
        ("Smooth", "2 of 4", ""),
        ("Consistency", "2 of 4", ""),
        ("SiLog × Smooth", "0 of 2", "not estimable; nearest: add (0, 0, 1)"),
        ("SiLog × Consistency", "0 of 2", "not estimable; nearest: add (0, 1, 0)"),
        ("Smooth × Consistency", "1 of 2", ""),
    ]


def test_differences_below_the_published_noise_are_marked(paper):
    tables = audit_tables(paper)
    noise = "within published seed noise"
    assert [r["Reads as"] for r in rows_of(tables["differences_abs_rel"])] == [
        "reference",
        noise,
        noise,
        noise,
        "",
    ]
    assert {r["Reads as"] for r in rows_of(tables["differences_rmse"])[1:]} == {"noise not known"}
    percent = [r["Δ (%)"] for r in rows_of(tables["differences_rmse"])]
    assert percent == ["", "0.7", "-1.2", "22.9", "35.3"]


def test_its_sentences_give_each_difference_a_verdict(paper):
    said = dict(audit_words(paper))
    abs_rel = said["AbsRel: what can be said"]
    assert abs_rel[1] == (
        "No Smooth: −0.0015 (−1.9 %), better: cannot be told from seed noise (0.5 times)"
    )
    # .0086 / .003 = 2.87: never rounded up past what is there
    assert abs_rel[3].endswith("+0.0086 (+10.6 %), worse: larger than 2.8 times the noise")
    assert any("Smooth changes sign" in sentence for sentence in abs_rel)
    assert all("noise not known" in s for s in said["RMSE: what can be said"][:7])
    assert "RMSE / AbsRel of the reference = 2.1" in said["The design"][-1]


# ---- noise and seeds


def test_noise_of_a_contrast_follows_its_weights():
    table = read_published(shipped_table())
    found = audit(table, noise=noise_levels(table, sd=["RMSE=0.002"]))
    one = {
        "simple": math.sqrt(2) * 0.002,  # 1, -1
        "main": 0.002,  # four weights of a half
        "interaction": 0.004,  # four weights of one
    }
    for reading in found.metrics[1].effects:
        assert reading.noise == pytest.approx(one[reading.effect.kind])
    # Simulated: runs of one configuration.
    runs = np.random.default_rng(0).normal(0, 0.002, (200_000, 4))
    assert (runs @ [0.5, 0.5, -0.5, -0.5]).std() == pytest.approx(one["main"], rel=0.01)
    assert (runs @ [1, -1, -1, 1]).std() == pytest.approx(one["interaction"], rel=0.01)


def test_a_difference_as_large_as_the_noise_is_not_below_it(write):
    path = write("arm,A,AbsRel\nall,1,0.100\nno,0,0.103\n")
    (reading,) = read(path).metrics[0].differences
    assert reading.within_noise is False
    (reading,) = read(path, below=["AbsRel=0.00300001"]).metrics[0].differences
    assert reading.within_noise is True


def test_given_noise_replaces_the_published(write):
    path = write("arm,A,AbsRel\nall,1,0.100\nno,0,0.102\n")
    (reading,) = read(path, sd=["abs_rel=0.001"]).metrics[0].differences
    assert reading.times == pytest.approx(2 / math.sqrt(2))
    said = dict(audit_words(read(path, sd=["AbsRel=0.01"])))["AbsRel: what can be said"]
    assert "cannot be told from seed noise" in said[0]
    table = audit_tables(read(path, sd=["AbsRel=0.01"]))["differences_abs_rel"]
    assert table.rows[1][-1] == "within given seed noise"


def test_published_noise_is_not_taken_for_percent(write):
    assert read(write("arm,A,AbsRel\nall,1,8.09\nno,0,8.20\n")).metrics[0].noise is None


def power(effect_size, seeds):
    """Of a paired t test, by integrating the normal over the spread that the sample shows."""
    freedom, centre = seeds - 1, effect_size * math.sqrt(seeds)
    limit = stats.t.ppf(0.975, freedom)

    def density(s):
        root = math.sqrt(freedom)
        beyond = stats.norm.cdf(centre - limit * s) + stats.norm.cdf(-centre - limit * s)
        return stats.chi.pdf(s * root, freedom) * root * beyond

    return integrate.quad(density, 0, 1 + 12 / math.sqrt(freedom), points=[1])[0]


@pytest.mark.parametrize(
    ("value", "correlation"), [("0.0015", 0.45), ("0.0086", 0.45), ("0.004", 0.0), ("0.1", 0.45)]
)
def test_seeds_are_the_fewest_with_80_percent_power(write, value, correlation):
    table = read_published(write("arm,A,AbsRel\nall,1,0.10\nno,0,0.12\n"))
    noise = noise_levels(table)["abs_rel"]
    weights = (Fraction(1), Fraction(-1))
    seeds = seeds_needed(Fraction(value), weights, noise, correlation=correlation)
    size = float(value) / (0.003 / math.sqrt(2) * math.sqrt(2 * (1 - correlation)))
    assert power(size, seeds) >= 0.8
    assert seeds == 2 or power(size, seeds - 1) < 0.8


def test_seeds_of_no_difference_are_not_counted(write):
    table = read_published(write("arm,A,AbsRel\nall,1,0.10\nno,0,0.12\n"))
    noise = noise_levels(table)["abs_rel"]
    weights = (Fraction(1), Fraction(-1))
    for value in (Fraction(0), Fraction(1, 10**9)):
        assert seeds_needed(value, weights, noise, correlation=0.45) is None


def test_sign_flip_needs_six_seeds_and_more_after_holm():
    def least_p(seeds):
        signs = list(product((1, -1), repeat=seeds))
        return sum(abs(sum(s)) == seeds for s in signs) / len(
            signs
        )  # equal differences: the extreme

    for comparisons in (1, 4):
        seeds = sign_flip_seeds(comparisons)
        assert least_p(seeds) * comparisons <= 0.05 < least_p(seeds - 1) * comparisons
    assert sign_flip_seeds() == 6


def test_chance_is_that_of_a_normal():
    assert chance(1.96) == pytest.approx(0.05, abs=1e-4)


# ---- other tables


def full_factorial(rng, count):
    names = [f"F{n}" for n in range(count)]
    values = {on: f"{rng.integers(100, 900)}" for on in product((1, 0), repeat=count)}
    lines = [f"arm,{','.join(names)},RMSE"]
    lines += [
        f"{on},".replace(",", " ") + f",{','.join(map(str, on))},0.{v}" for on, v in values.items()
    ]
    return "\n".join(lines), names, {on: Fraction(f"0.{v}") for on, v in values.items()}


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_a_full_factorial_gives_means_interactions_and_shapley_values(write, count):
    text, names, values = full_factorial(np.random.default_rng(count), count)
    found = read(write(text))
    assert not found.missing
    readings = found.metrics[0].effects
    by = {(r.effect.kind, r.effect.subject): r.value for r in readings if r.effect.kind != "simple"}
    assert sum(r.effect.kind == "simple" for r in readings) == count * 2 ** (count - 1)
    if count == 1:
        assert not by
        return
    for place, name in enumerate(names):
        on = [v for s, v in values.items() if s[place]]
        off = [v for s, v in values.items() if not s[place]]
        assert by["main", name] == Fraction(sum(on) - sum(off), len(on))
        # Shapley: the mean over all orders in which the factors are switched on.
        steps = []
        for order in permutations(range(count)):
            before = tuple(int(order.index(f) < order.index(place)) for f in range(count))
            after = tuple(1 if f == place else b for f, b in enumerate(before))
            steps.append(values[after] - values[before])
        assert by["Shapley", name] == sum(steps) / len(steps)
    shares = sum(by["Shapley", name] for name in names)
    assert shares == values[(1,) * count] - values[(0,) * count]
    corners = [v * (1 if s[0] == s[1] else -1) for s, v in values.items()]
    assert by["interaction", "F0 × F1"] == sum(corners) / 2 ** (count - 2)


def test_a_factor_never_switched_alone_has_no_effect(write):
    found = read(write("arm,A,B,RMSE\nall,1,1,0.10\nneither,0,0,0.20\n"))
    assert not found.metrics[0].effects
    assert (
        "A, B: never switched alone, so no effect of its own"
        in dict(audit_words(found))["The design"]
    )


def test_a_table_without_factors_has_differences_only(write):
    found = read(write("arm,RMSE,AbsRel\nours,0.3,0.1\ntheirs,0.2,0.2\n"), reference="ours")
    tables = audit_tables(found)
    assert set(tables) == {"differences_rmse", "differences_abs_rel"}


def test_better_follows_the_metric(write):
    path = write("arm,A,δ<1.25,PSNR,CLS\nall,1,0.9,20,3\nno,0,0.8,21,2\n")
    # PSNR runs as its name says; of CLS somebody must say it.
    found = read(path, metrics=["PSNR", "CLS=lower"])
    words = [sentences[0] for _, sentences in audit_words(found)[:3]]
    assert ["worse" in w for w in words] == [True, False, False]
    assert found.metrics[0].metric.key == "delta_1"


def test_a_metric_that_nobody_knows_needs_a_direction(write):
    path = write("arm,A,RMSE,CLS\nall,1,0.9,3\nno,0,0.8,2\n")
    with pytest.raises(SettingsError, match="CLS=lower or CLS=higher says it"):
        read(path, metrics=["CLS"])


def test_names_of_metrics_as_papers_write_them():
    assert [metric_key(x) for x in ("Abs Rel ↓", "abs-rel", "RMSE (m)", "δ1", "δ<1.25²")] == [
        "abs_rel",
        "abs_rel",
        "rmse",
        "delta_1",
        "delta_2",
    ]


def test_halves_are_rounded_away_from_zero_in_decimals():
    assert signed(Fraction("0.00965"), 4) == "+0.0097"
    assert signed(Fraction("-0.00965"), 4) == "−0.0097"
    assert rounded(Fraction("0.00004"), 4) == 0
    assert signed(Fraction("-0.00004"), 4) == "0.0000"


def test_a_file_as_spreadsheets_write_it_is_read(write):
    lines = ["\ufeffarm,Smooth,AbsRel", "all,1,0.10", '" no, smooth",0, 0.12', "", ",,", ""]
    arms = read_published(write("\r\n".join(lines))).arms
    assert [(a.name, *a.values) for a in arms] == [
        ("all", Fraction("0.10")),
        ("no, smooth", Fraction("0.12")),
    ]


# ---- wrong input: one line with the place


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("name,A,RMSE\n", "the first column is 'name', expected 'arm'"),
        ("arm;A;RMSE\nall;1;0.1\n", "separated by commas"),
        ("arm,A,AbsRell\nall,1,0.1\nno,0,0.2\n", "line 2, column 'AbsRell': '0.1'"),
        ("arm,A,AbsRell\nall,1,0.1\nno,0,0.2\n", "did you mean 'AbsRel'"),
        ("arm,A,RMSE\nall,1,0.1\nno,2,0.2\n", "line 3, column 'A': '2'; a factor is 0 or 1"),
        ("arm,A,RMSE\nall,1,0.1\nno,0,0.2 ± 0.1\n", "line 3, column 'RMSE': '0.2 ± 0.1' is not a number"),
        ("arm,A,RMSE\nall,1,0.1\nno,0,nan\n", "line 3, column 'RMSE': 'nan' is not a number"),
        ("arm,A,RMSE\nall,1,0.1\nno,0,\n", "line 3, column 'RMSE': '' is not a number"),
        ("arm,A,RMSE\nall,1,0.1\nno,0,1e400\n", "is not a number"),
        ("arm,A,RMSE\nall,1,0.1\nno,0\n", "line 3 has 2 cells, the header 3 columns"),
        ("arm,A,RMSE\nall,1,0.1\nall,0,0.2\n", "line 3, column 'arm': 'all' stands on line 2"),
        ("arm,A,RMSE\nall,1,0.1\nno,0,0.1\nx,0,0.2\n", "line 4: 'x' has the factors of line 3"),
        ("arm,A,A,RMSE\nall,1,1,0.1\nno,0,0,0.1\n", "column 3: 'A' stands there twice"),
        ("arm,A,B,RMSE\nall,1,1,0.1\nno,0,1,0.1\n", "column 'B' is 1 in every arm"),
        ("arm,A,RMSE\nall,1,0.1\n", "1 arms, a difference needs two"),
        ("arm,A,RMSE\n", "0 arms"),
        ("arm,A\nall,1\nno,0\n", "no column is a known metric (A)"),
        ("arm,A,RMSE,rmse\nall,1,.1,.1\nno,0,.1,.1\n", "columns 'RMSE' and 'rmse' are one metric"),
        ("arm,A,RMSE\nall,1,0.1\n\x1b[31m,0,0.2\n", "line 3, column 'arm': '?[31m'"),
        ('arm,A,RMSE\nall,1,"0.1\n', "no CSV"),
        ("arm,A,RMSE\n" + "".join(f"a{n},0,0.1\n" for n in range(300)), "more than 256 arms"),
        ("arm,A,B,C,D,E,F,G,RMSE\nall,1,1,1,1,1,1,1,0.1\nno,0,0,0,0,0,0,0,1.5\n", "7 factors"),
    ],
)  # fmt: skip
def test_a_table_that_is_none_is_refused_with_its_place(write, text, words):
    with pytest.raises(DataError) as refusal:
        read_published(write(text))
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert "table.csv" in str(refusal.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"reference": "none"}, "unknown reference arm 'none'"),
        ({"factors": ["Smoth"]}, "unknown factor column 'Smoth'; did you mean 'Smooth'?"),
        ({"metrics": ["Smooth=up"]}, "unknown direction 'up'"),
        ({"metrics": ["PSNR"]}, "--metric PSNR: unknown column 'PSNR'"),
        ({"sd": ["RMSE=0.1"]}, "--noise RMSE=0.1: unknown metric 'RMSE'"),
        ({"sd": ["0.1"]}, "expected METRIC=VALUE"),
        ({"sd": ["AbsRel=-1"]}, "expected a number above 0"),
        ({"sd": ["AbsRel=nan"]}, "expected a number above 0"),
        ({"sd": ["AbsRel=1"], "below": ["abs_rel=1"]}, "given twice"),
        ({"correlation": 1.0}, "expected 0 <= r < 1"),
    ],
)
def test_options_that_do_not_fit_are_refused(write, options, words):
    with pytest.raises(SettingsError) as refusal:
        read(write(SMALL + "no silog,1,0,0.11\n"), **options)
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_factors_that_leave_a_column_out_are_refused(write):
    with pytest.raises(DataError, match="column 'Mode' is neither among the factors"):
        read_published(write("arm,A,Mode,RMSE\nall,1,1,.1\nno,0,0,.2\n"), factors=["A"])


def test_a_missing_reference_is_asked_for(write):
    with pytest.raises(SettingsError, match="no arm has every factor on"):
        read_published(write("arm,A,B,RMSE\nx,1,0,0.1\ny,0,1,0.2\n"))
    with pytest.raises(SettingsError, match="the table has no factors"):
        read_published(write("arm,RMSE\nx,0.1\ny,0.2\n"))


def test_a_file_that_is_missing_huge_or_binary_is_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_published(tmp_path / "none.csv")
    (tmp_path / "huge.csv").write_bytes(b"a" * 1_000_001)
    with pytest.raises(DataError, match="larger than 1 MB"):
        read_published(tmp_path / "huge.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="no UTF-8 text"):
        read_published(tmp_path / "binary.csv")


# ---- what is written


def test_latex_holds_only_letters_that_latex_knows(paper):
    for table in audit_tables(paper).values():
        assert table.latex().isascii()


def test_a_compiler_takes_every_table_of_an_audit(paper, latex_complaints):
    tables = {stem: table.latex() for stem, table in audit_tables(paper).items()}
    assert latex_complaints(tables) == []


def test_the_page_holds_every_table_and_sentence(paper):
    tables = audit_tables(paper)
    page = audit_page(paper, tables)
    assert all(table.markdown() in page for table in tables.values())
    assert all(f"- {s}\n" in page for _, sentences in audit_words(paper) for s in sentences)


def test_the_docs_show_what_is_computed(load_tool):
    texts = load_tool("audit_example").places()
    text = (DOCS / "audit.md").read_text(encoding="utf-8")
    assert load_tool("places").filled(text, "audit", texts) == text
