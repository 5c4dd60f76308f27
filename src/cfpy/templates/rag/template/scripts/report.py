"""The results of an evaluation, as lines for a terminal and as a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

_STYLE = (
    "body{font:16px/1.5 system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;margin:1rem 0}th,td{padding:.3rem .8rem;text-align:right;"
    "border-bottom:1px solid #8884}th:first-child,td:first-child{text-align:left}"
)
_COLUMNS = {
    "recall": ("recall", "{:.3f}"),
    "MRR": ("MRR", "{:.3f}"),
    "nDCG": ("nDCG", "{:.3f}"),
    "time": ("time, x", "{:.1f}"),
    "neurons": ("neurons", "{:.3f}"),
    "dollars": ("$ for 1,000", "{:.4f}"),
}

Rows = Sequence[Sequence[str]]


def table(result: Mapping[str, Any]) -> str:
    """The results as Markdown, which is easy to read as it is."""
    parts = [_summary(result)]
    for _, rows in _tables(result):
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = [
            "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            for row in rows
        ]
        lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths))
        parts.append("\n".join(f"{line} |".replace("- |", "-|") for line in lines))
    return "\n\n".join(parts)


def page(result: Mapping[str, Any]) -> str:
    """The results as a page of HTML."""
    parts = [f"<p>{escape(_summary(result))}"]
    for title, rows in _tables(result):
        head, *body = [[escape(cell) for cell in row] for row in rows]
        lines = ["<tr>" + "".join(f"<td>{cell}" for cell in row) for row in body]
        first = "<tr>" + "".join(f"<th>{cell}" for cell in head)
        parts.append(f"<h2>{escape(title)}</h2><table>{first}{''.join(lines)}</table>")
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Evaluation</title>'
        f"<style>{_STYLE}</style><h1>Evaluation</h1>{''.join(parts)}</html>\n"
    )


def _summary(result: Mapping[str, Any]) -> str:
    return f"{result['questions']} questions, {result['top_k']} passages each."


def _tables(result: Mapping[str, Any]) -> Iterator[tuple[str, Rows]]:
    modes = result["modes"]
    yield (
        "Searches",
        [
            ["mode", *(title for title, _ in _COLUMNS.values())],
            *(
                [mode, *(form.format(_shown(row, key)) for key, (_, form) in _COLUMNS.items())]
                for mode, row in modes.items()
            ),
        ],
    )
    kinds = result["nDCG by kind"].items()
    rows = [[kind, *(f"{row[mode]:.3f}" for mode in modes)] for kind, row in kinds]
    yield "nDCG by kind of question", [["nDCG", *modes], *rows]
    answers = result["answers"]
    yield (
        "Answers",
        [
            ["refusal", "citation", "neurons", "$ for 1,000"],
            [
                f"{answers['refusal']:.3f}",
                f"{answers['citation']:.3f}",
                f"{answers['neurons']:.1f}",
                f"{answers['dollars'] * 1000:.2f}",
            ],
        ],
    )
    wrong = [[item["question"], item["kind"], f"{item['score']:.3f}"] for item in result["wrong"]]
    if wrong:
        yield "Answered wrongly, or not at all", [["question", "kind", "best score"], *wrong]


def _shown(row: Mapping[str, float], key: str) -> float:
    return row[key] * 1000 if key == "dollars" else row[key]
