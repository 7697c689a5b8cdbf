"""One file as settings: a path for each value, lists by what identifies their members."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import PurePath

from lxml import etree

from harness.provisioning.elements import Kind, element_of
from harness.provisioning.lint import read_document

__all__ = ["UNREADABLE", "Settings", "meant", "read_settings"]

#: The key of a file that is not well formed; its value says why.
UNREADABLE = "(the file)"
Settings = dict[str, str]

_NUMBER = re.compile(r"\s*([+-]?\d+)")
#: What tells the members of a list apart.
_IDENTITY = ("button", "priority", "MATCH", "keyID", "id")


def meant(path: str, text: str) -> str:
    """Return a value as the phone understands it: booleans exact, numbers by their digits."""
    element = element_of(path)
    text = text.strip()
    if element is None:
        return text
    if element.kind is Kind.BOOLEAN:
        return str((text or element.default) == "true").lower()
    if element.kind is Kind.NUMBER:
        match = _NUMBER.match(text)
        return str(int(match[1])) if match else ("0" if text else element.default)
    return text or element.default


def read_settings(name: str, content: bytes) -> Settings:
    """Return every value of a file by its path; what is at its default is left out."""
    document = read_document(name, content)
    if PurePath(name).suffix.lower() != ".xml":
        return {UNREADABLE: f"{len(content)} bytes, checksum {hash_of(content)}"}
    if document.root is None or document.form_errors:
        line, why = document.form_errors[0] if document.form_errors else (1, "empty")
        return {UNREADABLE: f"not well formed, line {line}: {why.strip()}"}
    settings: Settings = {}
    _walk(document.root, "", settings)
    return settings


def hash_of(content: bytes) -> str:
    """Return a short checksum that is the same everywhere."""
    return hashlib.sha256(content).hexdigest()[:12]


def _walk(element: etree._Element, path: str, settings: Settings) -> None:
    children = list(element.iterchildren("*"))
    seen: Counter[str] = Counter()
    for child in children:
        step = str(child.tag) + _identity(child)
        seen[step] += 1
        below = f"{path}/{step}" if path else step
        if seen[step] > 1:
            below += f"[{seen[step]}]"
        _walk(child, below, settings)
    attributes: Mapping[str, str] = {
        str(key): str(value) for key, value in element.attrib.items() if key not in _IDENTITY
    }
    if element.tag == "TEMPLATE":
        # A dial template's row is all attributes; elsewhere the phone ignores them.
        settings[path] = " ".join(f"{key}={value}" for key, value in sorted(attributes.items()))
    elif element.tag == "softKey":
        settings[path] = "shown"
    elif not children and path:
        value = meant(path, element.text or "")
        known = element_of(path)
        if value != (known.default if known is not None else ""):
            settings[path] = value


def _identity(element: etree._Element) -> str:
    for name in _IDENTITY:
        value = element.get(name)
        if value is not None:
            return f"[{value}]"
    if element.tag == "Ring":
        return f"[{(element.findtext('DisplayName') or '').strip()}]"
    return ""
