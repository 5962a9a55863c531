"""Runs the code cells of a notebook as its kernel would, without one: `python run_notebook.py FILE`.

One namespace, cell after cell; what the last line of a cell is worth is shown as a notebook shows it. A JSON
list goes to standard output: [what the cell prints, repr, HTML or None] for each code cell.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any


def main(path: str) -> None:
    notebook = json.loads(Path(path).read_text(encoding="utf-8"))
    names: dict[str, Any] = {"__name__": "__main__"}
    outputs = [
        run_cell("".join(cell["source"]), cell["id"], names)
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
    ]
    print(json.dumps(outputs))


def run_cell(code: str, name: str, names: dict[str, Any]) -> tuple[str, str, str | None]:
    tree = ast.parse(code, filename=name)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, name, "exec"), names)
        if last is None:
            return printed.getvalue(), "", None
        value = eval(compile(ast.Expression(last.value), name, "eval"), names)
    html = value._repr_html_() if hasattr(value, "_repr_html_") else None
    return printed.getvalue(), repr(value), html


if __name__ == "__main__":
    main(sys.argv[1])
