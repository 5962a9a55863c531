"""Printed tables: one content, four ways out."""

import csv
import io

import pytest
from change_table import CHANGES
from rich.console import Console

from thermodepth.report.table import Column, Heading, Interval, Number, Table

TABLE = Table(
    title="Means of 2 arms",
    columns=(
        Column(label="arm", align="left"),
        Column(label="AbsRel", digits=3, better="lower"),
        Column(label="δ<1.25", digits=2, better="higher"),
        Column(label="frames"),
    ),
    rows=(("full", 0.12345, 0.9, 120), ("no_smooth", 0.2, None, 120)),
    notes=("Protocol toy-1.",),
    bold=frozenset({(0, 1)}),
)


def one_cell(cell, **column):
    return Table(title="t", columns=(Column(label="x", **column),), rows=((cell,),))


def test_markdown():
    assert TABLE.markdown() == (
        "**Means of 2 arms**\n"
        "\n"
        "| arm | AbsRel ↓ | δ\\<1.25 ↑ | frames |\n"
        "| :--- | ---: | ---: | ---: |\n"
        "| full | **0.123** | 0.90 | 120 |\n"
        "| no_smooth | 0.200 | – | 120 |\n"
        "\n"
        "Protocol toy-1.\n"
    )


def test_csv_has_all_digits_plain_labels_and_comes_back():
    table = Table(
        title="t",
        columns=(Column(label="arm, seed"), Column(label="x", digits=1, better="lower")),
        rows=(('say "hi"\nthere', 1 / 3), ("b", -1e-300), ("c", None)),
        bold=frozenset({(0, 1)}),
    )
    read = list(csv.reader(io.StringIO(table.csv(), newline="")))
    assert read[0] == ["arm, seed", "x"]
    assert [row[0] for row in read[1:]] == ['say "hi"\nthere', "b", "c"]
    assert float(read[1][1]) == 1 / 3
    assert float(read[2][1]) == -1e-300
    assert read[3][1] == ""


def test_csv_of_numpy_numbers_is_plain():
    import numpy as np

    assert one_cell(np.float64(0.5), digits=1).csv() == "x\n0.5\n"


def test_numbers_and_headings_in_cells_are_shown_to_people_and_plain_for_machines():
    table = Table(
        title="t",
        columns=(
            Column(label="Metric", align="left"),
            Column(label="net"),
            Column(label="Δ", signed=True),
        ),
        rows=(
            (Heading(label="AbsRel", better="lower"), Number(1 / 3, 4), Number(-0.00001, 2)),
            (Heading(label="log bias (m)", better="closer", optimum=0.0), Number(-2.5, 1), None),
            (Heading(label="frames"), Number(7, 0), Number(0.5, 1)),
        ),
    )
    assert table.printed() == [
        ["AbsRel ↓", "0.3333", "0.00"],
        ["log bias (m) → 0", "−2.5", "–"],
        ["frames", "7", "+0.5"],
    ]
    assert table.csv() == (
        "Metric,net,Δ\nAbsRel,0.3333333333333333,-1e-05\nlog bias (m),-2.5,\nframes,7,0.5\n"
    )


def test_rich_shows_every_cell_and_keeps_brackets():
    table = Table(
        title="[red]t[/red]",
        columns=(Column(label="arm", align="left"), Column(label="x", digits=2, better="higher")),
        rows=(("[bold]a", 1.0), ("b", -0.25)),
        notes=("a note",),
        bold=frozenset({(1, 1)}),
    )
    console = Console(width=80, file=io.StringIO(), record=True)
    console.print(table.rich())
    text = console.export_text(styles=False, clear=False)
    for part in ("[red]t[/red]", "arm", "x ↑", "[bold]a", "1.00", "−0.25", "a note"):
        assert part in text
    assert "\x1b[1m−0.25" in console.export_text(styles=True)


@pytest.mark.parametrize(
    ("cell", "column", "printed"),
    [
        (0.5, {"digits": 3}, "0.500"),
        (-0.5, {"digits": 1}, "−0.5"),
        (-0.0001, {"digits": 2}, "0.00"),
        (12.0, {"digits": 0}, "12"),
        (0.5, {"digits": 1, "signed": True}, "+0.5"),
        (-0.5, {"digits": 1, "signed": True}, "−0.5"),
        (0.004, {"digits": 2, "signed": True}, "0.00"),
        (-0.004, {"digits": 2, "signed": True}, "0.00"),
        (100.0, {"digits": 0, "signed": True}, "+100"),
        (7, {}, "7"),
        (-7, {}, "−7"),
        (7, {"signed": True}, "+7"),
        (0, {"signed": True}, "0"),
        (None, {}, "–"),
        ("diverged", {"digits": 2}, "diverged"),
        ("2024-01-02", {}, "2024-01-02"),
    ],
)
def test_how_cells_are_printed(cell, column, printed):
    assert one_cell(cell, **column).printed() == [[printed]]


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a|b", r"a\|b"),
        ("a\\|b", r"a\\\|b"),
        ("*x*", r"\*x\*"),
        ("`x`", r"\`x\`"),
        ("<b>", r"\<b>"),
        ("[x](y)", r"\[x\](y)"),
        ("snake_case", "snake_case"),
        ("_x_", r"\_x\_"),
        ("two\nlines", "two lines"),
    ],
)
def test_markdown_escaping_everywhere_text_stands(text, escaped):
    table = Table(title=text, columns=(Column(label=text),), rows=((text,),), notes=(text,))
    assert table.markdown() == (
        f"**{escaped}**\n\n| {escaped} |\n| ---: |\n| {escaped} |\n\n{escaped}\n"
    )


def test_an_empty_cell_is_never_bold_markup():
    table = Table(title="t", columns=(Column(label="x"),), rows=(("",),), bold=frozenset({(0, 0)}))
    assert "****" not in table.markdown()


COLUMNS = (Column(label="a"), Column(label="b", digits=1))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"title": ""}, "needs a title"),
        ({"columns": (), "rows": ()}, "needs a column"),
        ({"rows": (("x",),)}, "row 0 has 1 cells, the table 2 columns"),
        ({"rows": (("x", float("nan")),)}, "row 0, 'b': nan needs to be finite"),
        ({"rows": (("x", float("inf")),)}, "needs to be finite"),
        ({"rows": ((0.5, 0.5),)}, "row 0, 'a': 0.5 .* to have digits"),
        ({"rows": (("x", Number(float("nan"), 2)),)}, "row 0, 'b': nan needs to be finite"),
        ({"rows": (("x", [1.0]),)}, "list is not a cell"),
        ({"bold": frozenset({(1, 0)})}, "bold row 1"),
        ({"bold": frozenset({(0, 2)})}, "bold column 2"),
        ({"bold": frozenset({(-1, 0)})}, "bold row -1"),
    ],
)
def test_tables_that_are_built_wrongly(changes, message):
    good = {"title": "t", "columns": COLUMNS, "rows": (("x", 0.5),)}
    Table(**good)
    with pytest.raises(AssertionError, match=message):
        Table(**(good | changes))


# --- intervals, captions, rules, records --------------------------------------------------------


def test_a_number_and_its_interval_are_printed_in_one_cell():
    assert CHANGES.printed()[1] == ["a", "+0.9 [−1.2, +3.0]", "[0.0, +12.0]"]
    assert "| b | +7 | – |" in CHANGES.markdown()
    # A narrow page may break before the bracket and not inside.
    assert "| a | +0.9 \\[−1.2,\u00a0+3.0\\] | \\[0.0,\u00a0+12.0\\] |" in CHANGES.markdown()


def test_csv_gives_each_end_of_an_interval_a_column():
    assert CHANGES.csv() == (
        "arm,Δ (%),Δ (%) low,Δ (%) high,95 % low,95 % high\n"
        "full,,,,,\n"
        "a,0.875,-1.25,3.0,-0.04,12.0\n"
        "b,7.0,,,,\n"
    )


def test_records_are_what_a_machine_reads_in_a_table_s_place():
    records = Table(title="r", columns=(Column(label="value", digits=2),), rows=((0.125,),))
    table = Table(title="t", columns=(Column(label="x"),), rows=(("0.12",),), records=records)
    assert table.csv() == "value\n0.125\n"
    assert "0.12 |" in table.markdown()


def test_an_interval_that_is_not_finite_is_refused():
    with pytest.raises(AssertionError, match="nan needs to be finite"):
        one_cell(Interval(float("nan"), 1.0, 1))
    with pytest.raises(AssertionError, match="inf needs to be finite"):
        one_cell(Interval(0.0, 1.0, 1, value=float("inf")))


def test_markdown_says_the_columns_behind_the_fold_in_a_second_table():
    table = Table(
        title="t",
        columns=(Column(label="arm", align="left"), Column(label="x"), Column(label="y")),
        rows=(("a", 1, 2), ("b", 3, Interval(0.0, 1.0, 1, value=0.5))),
        notes=("n",),
        bold=frozenset({(0, 1), (1, 2)}),
        folded_at=2,
    )
    assert table.markdown() == (
        "**t**\n\n"
        "| arm | x |\n| :--- | ---: |\n| a | **1** |\n| b | 3 |\n"
        "\n"
        "| arm | y |\n| :--- | ---: |\n| a | 2 |\n| b | **0.5 \\[0.0,\u00a01.0\\]** |\n"
        "\nn\n"
    )
    assert table.csv().startswith("arm,x,y,y low,y high\n")
