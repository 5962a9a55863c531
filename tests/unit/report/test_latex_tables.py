"""Tables for LaTeX: what is escaped, how a table is made to fit, and that a compiler agrees."""

import re

import numpy as np
import pytest
from change_table import CHANGES

from thermodepth.report.latex_text import latex, latex_breaking, pieces, width
from thermodepth.report.table import Column, Interval, Table

TABLE = Table(
    title="Means of 2 arms",
    columns=(
        Column(label="arm", align="left"),
        Column(label="AbsRel", digits=3, better="lower"),
        Column(label="δ<1.25", digits=2, better="higher"),
        Column(label="frames"),
    ),
    rows=(("full", 0.12345, 0.9, 120), ("no_smooth", 0.2, None, 120)),
    notes=("Protocol toy.",),
    bold=frozenset({(0, 1)}),
)


def wordy(rows, *, columns=3, words=12):
    """A table of sentences."""
    return Table(
        title="Sentences",
        columns=tuple(Column(label=f"column {n}", align="left") for n in range(columns)),
        rows=tuple(
            tuple(f"line {r}, {'some words that go on ' * words}" for _ in range(columns))
            for r in range(rows)
        ),
    )


def numbers(rows, columns, *, digits=4, **more):
    """A label and many numbers."""
    return Table(
        title="Numbers",
        columns=(
            Column(label="Configuration", align="left"),
            *(
                Column(label=f"metric {n} (m)", digits=digits, better="lower")
                for n in range(columns)
            ),
        ),
        rows=tuple(
            (f"configuration {r}", *(r + n / 7 for n in range(columns))) for r in range(rows)
        ),
        **more,
    )


def test_a_small_table_stands_as_it_is():
    assert TABLE.latex() == (
        "% \\usepackage{booktabs}\n"
        "\\begin{table}[tp]\n"
        "\\setlength{\\emergencystretch}{3em}\n"
        "\\centering\n"
        "\\caption{Means of 2 arms}\n"
        "\\smallskip\n"
        "\\small\n"
        "\\setlength{\\tabcolsep}{5pt}\n"
        "\\begin{tabular}{@{}lrrr@{}}\n"
        "\\toprule\n"
        "arm & AbsRel $\\downarrow$ & $\\delta$$<$1.25 $\\uparrow$ & frames \\\\\n"
        "\\midrule\n"
        "full & \\textbf{0.123} & 0.90 & 120 \\\\\n"
        "no\\_smooth & 0.200 & -- & 120 \\\\\n"
        "\\bottomrule\n"
        "\\end{tabular}\n"
        "\\par\\smallskip{\\footnotesize\\raggedright Protocol toy.\\par}\n"
        "\\end{table}\n"
    )


# --- text ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a_b", r"a\_b"),
        ("50 % & $5 #1", r"50 \% \& \$5 \#1"),
        ("{x}", r"\{x\}"),
        ("a\\b", r"a\textbackslash{}b"),
        ("~^", r"\textasciitilde{}\textasciicircum{}"),
        ("<a|b>", "$<$a$|$b$>$"),
        ("[x]*", "{[}x{]}{*}"),
        ("±0.1 × 2²", r"$\pm$0.1 $\times$ 2$^2$"),
        ("≤ δ → −1", r"$\leq$ $\delta$ $\rightarrow$ $-$1"),
        ("<30° ÷2", r"$<$30$^\circ$ $\div$2"),
        ("two\nlines", "two lines"),
        ("Straße", r"Stra\ss{}e"),
        ("Jérôme, Škoda", r"J\'{e}r\^{o}me, \v{S}koda"),
        ("D̂, ω, Ω, λ", r"\^{D}, $\omega$, $\Omega$, $\lambda$"),
        ("夜", "{[}U+591C{]}"),
        ("\x1b[31m", "{[}U+001B{]}{[}31m"),
    ],
)
def test_text_is_escaped_wherever_it_stands(text, escaped):
    table = Table(title=text, columns=(Column(label=text),), rows=((text,),), notes=(text,))
    lines = table.latex().splitlines()
    assert rf"\caption{{{escaped}}}" in lines
    assert lines.count(rf"{escaped} \\") == 2
    assert rf"\par\smallskip{{\footnotesize\raggedright {escaped}\par}}" in lines
    assert table.latex().isascii()


def test_long_words_may_break_and_short_ones_stay_whole():
    assert latex_breaking("configuration") == "configuration"
    broken = latex_breaking("cells/no-smooth_no-consistency/seed-0")
    assert broken.replace(r"\allowbreak{}", "") == latex("cells/no-smooth_no-consistency/seed-0")
    assert broken.startswith(r"cells/\allowbreak{}no-\allowbreak{}smooth\_\allowbreak{}")
    assert max(map(width, pieces("x" * 100))) <= 90.0


def test_widths_are_those_of_computer_modern():
    # From cmr10.tfm: a digit .5 em of 10 pt, an m .833, a W 1.028, a blank .333.
    assert width("0") == pytest.approx(5.0, abs=0.01)
    assert width("mW 1") == pytest.approx(8.33 + 10.28 + 3.33 + 5.0, abs=0.05)


# --- what stands where -----------------------------------------------------------------------------


def test_intervals_are_set_small_and_a_caption_says_what_it_must():
    lines = CHANGES.latex().splitlines()
    assert r"a & +0.9 {\scriptsize [$-$1.2, +3.0]} & {\scriptsize [0.0, +12.0]} \\" in lines
    caption = lines.index(r"\caption{Changes. Protocol toy-1; 3 seeds. A 95 \% interval.}")
    assert lines[caption + 1] == r"\label{tab:changes}"
    assert lines[-2] == r"\par\smallskip{\footnotesize\raggedright Small print.\par}"
    assert sum("95 \\% interval" in line for line in lines) == 1


def test_digests_stand_in_a_comment_and_not_on_the_page():
    table = Table(
        title="t",
        columns=(Column(label="x"),),
        rows=((1,),),
        notes=(
            "Protocol mm5-0123456789ab, metres; frame list fedcba987654.",
            "run-0123456789ab is an arm's name and stays",
        ),
        caption_notes=1,
    )
    lines = table.latex().splitlines()
    assert lines[1:3] == ["% Protocol mm5-0123456789ab", "% frame list fedcba987654"]
    assert r"\caption{t. Protocol mm5, metres.}" in lines
    page = "\n".join(lines[3:])
    assert "fedcba987654" not in page
    assert "mm5-0123456789ab" not in page
    assert "run-\\allowbreak{}0123456789ab" in page
    assert "mm5-0123456789ab" in table.markdown()


def test_a_caption_that_is_too_long_goes_on_under_the_table():
    notes = tuple(f"Note {n} says {'something ' * 30}" for n in range(9))
    made = Table(
        title="t", columns=(Column(label="x"),), rows=((1,),), notes=notes, caption_notes=9
    ).latex()
    (caption,) = re.findall(r"\\caption\{(.*)\}\n", made)
    assert "Note 0" in caption
    assert "Note 8" not in caption
    assert made.index("Note 8") > made.index(r"\end{tabular}")
    assert all(made.count(f"Note {n} ") == 1 for n in range(9))


def test_what_a_block_shares_stands_above_its_lines():
    rows = (("near", 1, "x"), ("near", 1, "y"), ("far", 1, "x"), ("far", 1, "y"))
    table = Table(
        title="t",
        columns=(Column(label="d", align="left"), Column(label="n"), Column(label="arm")),
        rows=rows,
        rules=frozenset({2}),
        shared=2,
    )
    lines = table.latex().splitlines()
    first = lines.index(r"\midrule") + 1
    assert lines[first : first + 7] == [
        r"\multicolumn{1}{@{}l@{}}{\textit{near} (n 1)} \tabularnewline",
        r"x \tabularnewline",
        r"y \tabularnewline",
        r"\midrule",
        r"\multicolumn{1}{@{}l@{}}{\textit{far} (n 1)} \tabularnewline",
        r"x \tabularnewline",
        r"y \tabularnewline",
    ]
    assert "| near | 1 | y |" in table.markdown()


# --- how it is made to fit -------------------------------------------------------------------------


def test_the_wider_the_smaller_then_over_both_columns_then_below_each_other():
    assert r"\begin{table}" in numbers(2, 3, digits=1).latex()
    assert r"\begin{table*}" in numbers(2, 4).latex()
    many = numbers(2, 20).latex()
    assert many.count(r"\begin{table*}") == 1
    assert many.count(r"\begin{tabular}") >= 2
    # Every part says which line is which, and no number is lost or told twice.
    assert many.count("configuration 1") == many.count(r"\begin{tabular}")
    for n in range(20):
        assert len(re.findall(rf"metric {n}\b", many)) == 1


def test_columns_that_tell_lines_apart_stand_in_every_part():
    columns = (
        Column(label="Question", align="left"),
        Column(label="Metric", align="left"),
        *(Column(label=f"a number {n}", digits=6) for n in range(12)),
    )
    rows = tuple(("a − b", m, *(n / 7 for n in range(12))) for m in ("AbsRel", "RMSE"))
    text = Table(title="t", columns=columns, rows=rows).latex()
    assert text.count(r"\begin{tabular}") > 1
    assert text.count("AbsRel") == text.count("RMSE") == text.count(r"\begin{tabular}")


def test_what_is_too_tall_goes_on_in_further_tables_under_one_number():
    text = numbers(150, 2, notes=("caption", "last"), caption_notes=1, label="tab:n").latex()
    parts = text.count(r"\begin{table}")
    assert parts >= 3
    assert text.count(r"\addtocounter{table}{-1}") == parts - 1
    assert text.count(r"\label{tab:n}") == 1
    assert f"Numbers ({parts} of {parts})" in text
    assert all(len(re.findall(rf"configuration {r} ", text)) == 1 for r in range(150))
    assert text.index("last") > text.rindex(r"\end{tabular}")


def test_blocks_are_kept_together():
    rows = tuple((f"block {r // 12}", f"line {r}", r) for r in range(120))
    table = Table(
        title="t",
        columns=(
            Column(label="b", align="left"),
            Column(label="l", align="left"),
            Column(label="n"),
        ),
        rows=rows,
        rules=frozenset(range(12, 120, 12)),
        shared=1,
    )
    text = table.latex()
    for part in text.split(r"\begin{table}")[1:]:
        lines = [int(n) for n in re.findall(r"line (\d+)", part)]
        assert lines[0] % 12 == 0
        assert (lines[-1] + 1) % 12 == 0


def random_table(random):
    """Whatever might be asked for: words short and endless, wide numbers, blocks, captions, signs."""
    letters = list("abcdefghijklmnop MW_%&−±δ²†[]-/é夜λ")

    def text(longest):
        count = int(random.integers(1, longest))
        return "".join(random.choice(letters, count)).strip() or "x"

    def cell(kind):
        if random.random() < 0.1:
            return None
        value = float(random.normal() * 10 ** random.uniform(-3, 5))
        if kind == "text":
            return text(int(random.choice([8, 30, 200])))
        if kind == "interval":
            return Interval(value - 1, value + 1, 1, value=value if random.random() < 0.7 else None)
        return value

    kinds = [
        "text", *random.choice(["text", "number", "interval"], int(random.integers(0, 16)), p=[0.2, 0.5, 0.3])
    ]  # fmt: skip
    rows = int(random.choice([0, 1, 5, 40, 90]))
    blocks = (
        frozenset(random.choice(np.arange(1, rows), rows // 8).tolist())
        if rows > 1
        else frozenset()
    )
    return Table(
        title=text(60),
        columns=tuple(
            Column(
                label=text(25),
                align="left" if kind == "text" else "right",
                digits=int(random.integers(1, 6)),
                better=random.choice([None, "lower", "higher"]),
                signed=bool(random.random() < 0.5),
            )
            for kind in kinds
        ),
        rows=tuple(tuple(cell(kind) for kind in kinds) for _ in range(rows)),
        notes=tuple(text(int(random.choice([40, 600]))) for _ in range(int(random.integers(0, 6)))),
        caption_notes=int(random.integers(0, 3)),
        label="tab:x",
        rules=blocks,
        shared=int(random.integers(0, 2)) if len(kinds) > 2 else 0,
        folded_at=int(random.integers(0, len(kinds))),
        bold=frozenset({(0, 0)}) if rows else frozenset(),
    )


def test_a_compiler_finds_nothing_too_wide_or_too_tall(latex_complaints):
    tables = {"small": TABLE, "changes": CHANGES}
    tables |= {f"numbers {n}": numbers(6, n) for n in (1, 4, 9, 14, 30)}
    tables |= {f"words {n}": wordy(6, columns=n) for n in (1, 3, 8)}
    tables |= {"long": numbers(200, 6), "long words": wordy(40, words=40)}
    tables["one word"] = Table(
        title="t",
        columns=(Column(label="w" * 90, align="left"),),
        rows=(("M" * 300,), ("a/b" * 99,)),
    )
    assert latex_complaints({name: table.latex() for name, table in tables.items()}) == []


@pytest.mark.parametrize("seed", range(2))
def test_a_compiler_takes_whatever_comes(latex_complaints, seed):
    random = np.random.default_rng(seed)
    tables = {f"table {n}": random_table(random) for n in range(12)}
    assert latex_complaints({name: table.latex() for name, table in tables.items()}) == []
