"""Render the configuration files of a site and of each phone.

Escaping is the template engine's: an ``&`` in a label is data, never a broken file. Where each
line came from can be told, so that what is wrong in a file is shown in its template.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, FunctionLoader, StrictUndefined, TemplateError, TemplateNotFound

from harness.errors import UsageFault
from harness.lab import Lab
from harness.provisioning.line_marks import LineMarks, taken_out
from harness.provisioning.values import DEFAULTS

__all__ = [
    "TEMPLATES",
    "Rendered",
    "TemplateFault",
    "render_phone",
    "render_site",
    "render_tree",
    "trace_tree",
    "values_for",
]

#: Where a lab's templates are when lab.yaml does not say, seen from its folder.
TEMPLATES = "configs/templates"
_GENERATION = re.compile(r"^[A-Z]+\d+\.(\d+)-")


class TemplateFault(UsageFault):
    """A template that cannot be rendered: which, where, and why."""

    def __init__(self, template: str, line: int, why: str, *, shown: str, hint: str) -> None:
        super().__init__(f"{shown}:{line}: {why}", hint=hint)
        self.template = template
        self.line = line
        self.why = why


@dataclass(frozen=True, slots=True)
class Rendered:
    """A file, the template it is of, and for each of its lines the template's line."""

    content: bytes
    template: str
    lines: tuple[int, ...]


def _environment(lab: Lab) -> Environment:
    given = lab.provisioning.templates
    own = lab.beside(given or TEMPLATES)
    folder = own if given or own.is_dir() else files("configs") / "templates"

    def load(name: str) -> str | None:
        template = folder / name
        return template.read_text(encoding="utf-8") if template.is_file() else None

    return Environment(
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        extensions=[LineMarks],
        loader=FunctionLoader(load),
    )


def _render(lab: Lab, template: str, values: dict[str, object]) -> Rendered:
    try:
        text, lines = taken_out(_environment(lab).get_template(template).render(values))
        return Rendered(text.encode("utf-8"), template, tuple(lines))
    except TemplateNotFound as error:
        raise UsageFault(
            f"there is no template {template} in {lab.provisioning.templates or TEMPLATES}",
            hint="a template folder has all of configs/templates; copy the one that is missing",
        ) from error
    except (TemplateError, UnicodeDecodeError) as error:
        raise TemplateFault(
            template,
            getattr(error, "lineno", None) or _failing_line(error),
            str(error),
            shown=f"{lab.provisioning.templates or TEMPLATES}/{template}",
            hint="a value a template takes must be in harness/provisioning/values.py",
        ) from error


def values_for(lab: Lab, phone: str | None, overrides: dict[str, str]) -> dict[str, str]:
    """Return the values in force: defaults, then lab.yaml, then ``overrides``.

    Raises:
        UsageFault: a name is not a template value; near matches are named.
    """
    values = {name: value.default for name, value in DEFAULTS.items()}
    for layer in (*_layers(lab, phone), overrides):
        for name, value in layer.items():
            if name not in values:
                near = difflib.get_close_matches(name, values, n=3)
                raise UsageFault(
                    f"there is no template value named {name!r}",
                    hint=f"did you mean {', '.join(near)}?"
                    if near
                    else "see provisioning/values.py",
                )
            values[name] = _text(value)
    spec = lab.phones[phone] if phone is not None else None
    own_load = (spec.load if spec is not None else "") or lab.provisioning.load
    values["load"] = values["load"] or own_load
    values["phone_label"] = values["phone_label"] or (phone or "")
    values["pbx_address"] = values["pbx_address"] or str(lab.pbx.server)
    values["pbx_port"] = values["pbx_port"] or str(lab.pbx.sip_port)
    return values


def _layers(lab: Lab, phone: str | None) -> list[Mapping[str, str | int | bool]]:
    """Return the layers of lab.yaml, the general before the special."""
    given = lab.provisioning
    if phone is None:
        return [given.values]
    spec = lab.phones[phone]
    generation = _GENERATION.match(spec.load or given.load)
    return [
        given.values,
        given.generations.get(int(generation[1]), {}) if generation else {},
        given.models.get(spec.model, {}),
        given.sites.get(spec.site, {}),
        spec.values,
    ]


def _failing_line(error: BaseException) -> int:
    """Return the template's line an error of rendering came from: jinja2 puts it in the trace."""
    line, trace = 1, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _text(value: str | int | bool) -> str:
    # The phone reads a boolean only as the exact words true and false.
    return str(value).lower() if isinstance(value, bool) else str(value)


def render_phone(lab: Lab, phone: str, **overrides: str) -> dict[str, bytes]:
    """Return the phone's own file, by name: ``SEP<MAC>.cnf.xml``.

    Args:
        lab: the inventory.
        phone: the phone's name in it.
        overrides: template values for this rendering only.

    Raises:
        UsageFault: an override or a template names an unknown value.
    """
    return {name: file.content for name, file in _phone(lab, phone, overrides).items()}


def _phone(lab: Lab, phone: str, overrides: dict[str, str]) -> dict[str, Rendered]:
    spec = lab.phones[phone]
    values: dict[str, object] = dict(values_for(lab, phone, overrides))
    values["lines"] = [
        {
            "button": index,
            "user": line.user,
            "label": line.label or line.user,
            "password": line.password.get_secret_value(),
        }
        for index, line in enumerate(spec.lines, start=1)
    ]
    return {f"{spec.host_name}.cnf.xml": _render(lab, "SEP.cnf.xml.j2", values)}


def render_site(lab: Lab, **overrides: str) -> dict[str, bytes]:
    """Return the files all phones share, by name."""
    return {name: file.content for name, file in _site(lab, overrides).items()}


def _site(lab: Lab, overrides: dict[str, str]) -> dict[str, Rendered]:
    values: dict[str, object] = dict(values_for(lab, None, overrides))
    values["rings"] = lab.provisioning.rings
    rendered = {
        "XMLDefault.cnf.xml": _render(lab, "XMLDefault.cnf.xml.j2", values),
        "Ringlist.xml": _render(lab, "Ringlist.xml.j2", values),
    }
    # Phones of different layers may name different files; each gets its own.
    for phone in lab.phones:
        own: dict[str, object] = dict(values_for(lab, phone, overrides))
        for name, template in (
            (own["dial_template"], "dialplan.xml.j2"),
            (own["soft_key_file"], "softkeys.xml.j2"),
        ):
            if not name:
                continue
            file = _render(lab, template, own)
            # One TFTP root holds one file of a name: whoever came first would win, unseen.
            if rendered.setdefault(str(name), file).content != file.content:
                raise UsageFault(
                    f"{phone} would need another {name} than a phone before it, and a TFTP root"
                    " holds one file of a name",
                    hint="in the layer of lab.yaml that makes it differ, give dial_template or"
                    " soft_key_file a name of its own",
                )
    return rendered


def render_tree(lab: Lab, templates: Path | None = None) -> dict[str, bytes]:
    """Return every configuration file of a lab, by name; the same lab gives the same bytes.

    Args:
        lab: the inventory.
        templates: another folder of templates than the lab's own.

    Raises:
        UsageFault: a value or a template is unknown, a template is wrong, or two phones need
            one file with different contents.
    """
    return {name: file.content for name, file in trace_tree(lab, templates).items()}


def trace_tree(lab: Lab, templates: Path | None = None) -> dict[str, Rendered]:
    """Return what :func:`render_tree` does, with where each line came from.

    Raises:
        UsageFault: a value or a template is unknown, or a template is wrong.
    """
    if templates is not None:
        lab = lab.with_templates(templates)
    tree = _site(lab, {})
    for phone in lab.phones:
        tree |= _phone(lab, phone, {})
    return dict(sorted(tree.items()))
