"""The worked example of docs/audit.md, computed. `python tools/audit_example.py`."""

from __future__ import annotations

from places import fill
from thermodepth.study.audit.audit import audit
from thermodepth.study.audit.noise import noise_levels
from thermodepth.study.audit.reading import read_published, shipped_table
from thermodepth.study.audit.tables import audit_tables
from thermodepth.study.audit.words import audit_words


def places() -> dict[str, str]:
    """The text of every place: the CSV, all tables, all sentences."""
    path = shipped_table()
    table = read_published(path)
    result = audit(table, noise=noise_levels(table))
    words = "\n".join(
        f"**{heading}**\n\n" + "".join(f"- {sentence}\n" for sentence in sentences)
        for heading, sentences in audit_words(result)
    )
    texts = {stem: printed.markdown() for stem, printed in audit_tables(result).items()}
    return {
        "file": f"```text\n{path.read_text(encoding='utf-8')}```\n",
        "words": words,
        **texts,
    }


if __name__ == "__main__":
    fill("audit.md", "audit", places())
