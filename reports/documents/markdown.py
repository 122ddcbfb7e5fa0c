"""The report for GitHub; pictures are linked by relative path."""

from __future__ import annotations

from reports.documents.tables import markdown_text, to_markdown
from reports.parts.sections import Chapter, Part, Picture, Section
from reports.parts.tables import Table


def to_report_markdown(report: Chapter) -> str:
    """The whole report."""
    blocks = [f"# {markdown_text(report.title)}", markdown_text(report.headline)]
    for level, item in report.walk():
        blocks.append(f"{'#' * min(level + 1, 6)} {markdown_text(item.title)}")
        if isinstance(item, Section):
            blocks += map(part_markdown, item.parts)
        else:
            blocks.append(markdown_text(item.headline))
    return "\n\n".join(block.strip() for block in blocks if block.strip()) + "\n"


def part_markdown(part: Part) -> str:
    """A table, a picture with its caption, a paragraph or a list."""
    if isinstance(part, Table):
        return to_markdown(part)
    if isinstance(part, Picture):
        return f"![{markdown_text(part.alt)}]({part.stem}.png)\n\n*{markdown_text(part.heading)}*"
    return markdown_text(part) if isinstance(part, str) else "\n".join(f"- {markdown_text(text)}" for text in part)
