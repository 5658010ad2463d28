"""What a widget shows where no widget can be shown: in a terminal, on a code host, in a saved notebook."""

from __future__ import annotations

import base64
import dataclasses
import html
import time
from collections.abc import Sequence

SHOWN_ROWS = 200


@dataclasses.dataclass(frozen=True)
class Fallback:
    """A title, a line, and a table; `png` is a picture, `described` what it shows."""

    title: str
    summary: str
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    png: bytes = b""
    described: str = ""


def to_plain(shown: Fallback) -> str:
    """As text."""
    lines = [f"{shown.title}: {shown.summary}"]
    lines += ["  " + " | ".join(cell or "–" for cell in row) for row in shown.rows[:SHOWN_ROWS]]
    return "\n".join(lines + _rest(shown))


def to_html(shown: Fallback) -> str:
    """As a table; everything that is not ours is escaped."""
    parts = [f"<p><strong><bdi>{html.escape(shown.title)}</bdi></strong>: {html.escape(shown.summary)}</p>"]
    if shown.png:
        data = base64.b64encode(shown.png).decode("ascii")
        parts.append(f'<img src="data:image/png;base64,{data}" alt="{html.escape(shown.described)}">')
    if shown.rows:
        head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in shown.columns)
        body = "".join(
            "<tr>" + "".join(f"<td><bdi>{html.escape(cell)}</bdi></td>" for cell in row) + "</tr>"
            for row in shown.rows[:SHOWN_ROWS]
        )
        parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
    parts += [f"<p>{html.escape(line)}</p>" for line in _rest(shown)]
    stamp = time.strftime("%Y-%m-%d %H:%M:%S")
    parts.append(f"<p><small>As of {stamp}. Run the cell to see it live.</small></p>")
    return "".join(parts)


def _rest(shown: Fallback) -> list[str]:
    hidden = len(shown.rows) - SHOWN_ROWS
    return [f"… and {hidden} more"] if hidden > 0 else []
