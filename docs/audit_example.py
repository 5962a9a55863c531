"""The worked example of docs/audit.md, computed. `python docs/audit_example.py`.

What stands between two comments of the page is replaced, never typed:

    <!-- audit:missing -->   ...   <!-- end -->
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from thermodepth.study.audit.audit import audit
from thermodepth.study.audit.noise import noise_levels
from thermodepth.study.audit.reading import read_published, shipped_table
from thermodepth.study.audit.tables import audit_tables
from thermodepth.study.audit.words import audit_words

PAGE = Path(__file__).resolve().parent / "audit.md"
PLACE = re.compile(r"(<!-- audit:(\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def places() -> dict[str, str]:
    """The text of every place: the CSV, all tables, all sentences."""
    path = shipped_table()
    table = read_published(path)
    found = audit(table, noise=noise_levels(table))
    said = "\n".join(
        f"**{heading}**\n\n" + "".join(f"- {sentence}\n" for sentence in sentences)
        for heading, sentences in audit_words(found)
    )
    texts = {stem: shown.markdown() for stem, shown in audit_tables(found).items()}
    return {
        "file": f"```text\n{path.read_text(encoding='utf-8')}```\n",
        "words": said,
        **texts,
    }


def page(text: str) -> str:
    """The page with its places replaced."""
    texts = places()
    return PLACE.sub(lambda match: f"{match[1]}{texts[match[2]]}{match[3]}", text)


def main() -> int:
    """Rewrite the page in place."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
