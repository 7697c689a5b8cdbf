"""Which line of a template a rendered line came from.

A Jinja extension writes the template's line number, in a mark no XML file has, before each line of
plain text; after rendering the marks are taken out again and what they said is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream

__all__ = ["LineMarks", "taken_out"]

#: Private-use characters: no template and no value has a reason to hold them.
_MARK = re.compile("\ue000(\\d+)\ue001")


class LineMarks(Extension):
    """Mark every line of template text with its number."""

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        """Put a mark before each piece of text, and after each of its line ends."""
        for token in stream:
            if token.type != "data":
                yield token
                continue
            lines = token.value.split("\n")
            marked = (f"\ue000{token.lineno + i}\ue001{text}" for i, text in enumerate(lines))
            yield Token(token.lineno, token.type, "\n".join(marked))


def taken_out(rendered: str) -> tuple[str, list[int]]:
    """Return the text without marks, and for each of its lines the template's (from 1)."""
    origins: list[int] = []
    last = 1
    for line in rendered.split("\n"):
        marks = _MARK.findall(line)
        # The first mark is where the line began; text of a value has none of its own.
        last = int(marks[0]) if marks else last
        origins.append(last)
    return _MARK.sub("", rendered), origins
