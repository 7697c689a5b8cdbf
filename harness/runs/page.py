"""What all pages share: templates that escape, and that refuse a name they do not know."""

from __future__ import annotations

from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined

__all__ = ["page_templates"]


def page_templates(room: str = "harness.runs") -> Environment:
    """Return the templates of a room, this one's if none is named."""
    folder = files(room)
    return Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=FunctionLoader(lambda name: (folder / name).read_text(encoding="utf-8")),
    )
