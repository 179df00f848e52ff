"""Markdown: tables, and the places in a file that they are written to."""

from collections.abc import Iterable, Mapping, Sequence

from bigdeep.errors import require

BEGIN, END = "<!-- {}, made by python -m bigdeep.tools.publish -->\n", "<!-- end -->"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [f"| {' | '.join(header)} |", "|---" * len(header) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def filled(text: str, tables: Mapping[str, str], file: str) -> str:
    """A file's text with what stands between its marks made anew. tables: {name of the table: Markdown}."""
    for name, content in tables.items():
        begin = BEGIN.format(name)
        before, mark, rest = text.partition(begin)
        require(mark and END in rest, file, f"no marks of the table of {name}", f"{begin.strip()} and {END}")
        text = before + begin + "\n" + content + "\n" + END + rest.partition(END)[2]
    return text
