"""Render the configuration files of a site and of each phone.

Escaping is the template engine's: an ``&`` in a label is data, never a broken file.
"""

from __future__ import annotations

import difflib
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined, TemplateError

from harness.errors import UsageFault
from harness.lab import Lab
from harness.provisioning.values import DEFAULTS

__all__ = ["render_phone", "render_site", "values_for"]


def _environment() -> Environment:
    folder = files("configs") / "templates"

    def load(name: str) -> str:
        return (folder / name).read_text(encoding="utf-8")

    return Environment(
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        loader=FunctionLoader(load),
    )


def _render(template: str, values: dict[str, object]) -> bytes:
    try:
        return _environment().get_template(template).render(values).encode("utf-8")
    except TemplateError as error:
        line = getattr(error, "lineno", None) or 1
        raise UsageFault(
            f"configs/templates/{template}:{line}: {error.message}",
            hint="a value a template takes must be in harness/provisioning/values.py",
        ) from error


def values_for(lab: Lab, phone: str | None, overrides: dict[str, str]) -> dict[str, str]:
    """Return the values in force: defaults, then lab.yaml, then ``overrides``.

    Raises:
        UsageFault: a name is not a template value; near matches are named.
    """
    values = {name: value.default for name, value in DEFAULTS.items()}
    given = {name: _text(value) for name, value in lab.provisioning.values.items()}
    for name, value in (*given.items(), *overrides.items()):
        if name not in values:
            near = difflib.get_close_matches(name, values, n=3)
            raise UsageFault(
                f"there is no template value named {name!r}",
                hint=f"did you mean {', '.join(near)}?" if near else "see provisioning/values.py",
            )
        values[name] = value
    spec = lab.phones[phone] if phone is not None else None
    own_load = (spec.load if spec is not None else "") or lab.provisioning.load
    values["load"] = values["load"] or own_load
    values["phone_label"] = values["phone_label"] or (phone or "")
    values["pbx_address"] = values["pbx_address"] or str(lab.pbx.address)
    values["pbx_port"] = values["pbx_port"] or str(lab.pbx.sip_port)
    return values


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
    return {f"{spec.host_name}.cnf.xml": _render("SEP.cnf.xml.j2", values)}


def render_site(lab: Lab, **overrides: str) -> dict[str, bytes]:
    """Return the files all phones share, by name."""
    values: dict[str, object] = dict(values_for(lab, None, overrides))
    dial_template = str(values["dial_template"])
    return {
        "XMLDefault.cnf.xml": _render("XMLDefault.cnf.xml.j2", values),
        dial_template: _render("dialplan.xml.j2", values),
    }
