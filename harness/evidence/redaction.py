"""No secret leaves: found by its value however it is written, and by the key it stands under.

Digest responses, nonces and realms stay: a registration fault is read from them, and they are not
the secret (docs/decisions/0021). A key that stands for the password in a digest, HA1, is one.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from html import escape, unescape
from pathlib import Path
from urllib.parse import quote, quote_plus

import ahocorasick

__all__ = ["HIDDEN", "HIDDEN_LONG", "is_hidden", "redact", "redact_capture", "redact_file"]
__all__ += ["secrets_below"]

#: What stands in a text in place of a secret.
HIDDEN = "[hidden]"
#: In place of one that is longer than a 79x2 keeps (31 characters, SIPCC prot_configmgr.h): a
#: known failure, and itself longer than that, so that whoever counts still finds it.
HIDDEN_LONG = "[hidden: longer than 31 characters]"
_KEPT = 31
#: A shorter value (a phonePassword is four digits) is hidden only where it stands as a word: any
#: number may hold it.
_LEAST_ANYWHERE = 6
#: A shorter value may stand in RTP by chance, and replacing it there would spoil the audio.
_LEAST_IN_PCAP = 6
#: Base64 of fewer bytes than this says too little, and is in other text by chance.
_LEAST_IN_BASE64 = 6
#: The logins a 79x2 is shipped with are known to all; their words are in every other SIP message.
_PUBLIC = frozenset({"cisco", "1234"})

#: Keys whose value is a secret: a phone's file, Asterisk's files (chan_sip, PJSIP, manager), SNMP.
_KEYS = (
    "authPassword", "phonePassword", "sshPassword", "adminPassword", "password", "passwd", "secret",
    "remotesecret", "md5secret", "md5_cred", "password_digest", "community", "rocommunity",
    "rwcommunity", "ha1", "auth_key", "priv_key", "auth_secret", "ami_secret", "ssh_password",
    "phone_password",
)  # fmt: skip
_KEY = r"(?:" + "|".join(sorted(_KEYS, key=len, reverse=True)) + ")"
#: What tells, quickly, where a text in small letters may hold any of them.
_HINT = re.compile("passw|secret|community|ha1|md5_cred|_key|basic ")
#: Characters before and after a hint within which key and value stand; whole lines are taken.
_BEFORE, _AFTER = 64, 2048
_BY_KEY = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # <authPassword>x</authPassword>, and as HTML or JSON shows it.
        rf"(?P<head><{_KEY}>)(?P<value>[^<]+)(?=</)",
        rf"(?P<head>&lt;{_KEY}&gt;)(?P<value>(?:(?!&lt;/)[^<\n])+)(?=&lt;/)",
        # "password": "x", also inside a text that is JSON itself, and as HTML shows it.
        rf"""(?P<head>(?P<q>\\?["']|&quot;|&\#34;|&\#39;){_KEY}(?P=q)\s*:\s*(?P=q))"""
        r"(?P<value>(?:(?!(?P=q))[^\n])+)",
        # secret=x, secret => x, --community x, Password=x in a URL.
        rf"(?P<head>(?<![A-Za-z0-9_]){_KEY}[ \t]*(?:=&gt;|=>|=)[ \t]*[\"']?)"
        r"(?P<value>[^\s\"'&<>,;\\\[]+)",
        rf"(?P<head>(?<=\s)--?{_KEY}[ \t]+[\"']?)(?P<value>[^\s\"'&<>,;\\\[-][^\s\"'&<>,;\\]*)",
        r"(?P<head>\bBasic )(?P<value>[A-Za-z0-9+/]{8,}={0,2})",
    )
)


def is_hidden(value: str) -> bool:
    """Whether a value is what stands in place of a secret."""
    return value in {HIDDEN, HIDDEN_LONG}


def redact(text: str, secrets: Iterable[str]) -> str:
    """Hide every secret in ``text``: those given, however written, and what stands under a key.

    Written plain, as XML, HTML, JSON or a URL has it, as its first 31 characters (what a 79x2
    keeps), or within base64 (a login by HTTP).
    """
    for form in _search(frozenset(secrets)).found_in(text):
        text = form.hidden_in(text)
    return "".join(_by_key(text))


def _by_key(text: str) -> Iterator[str]:
    """Yield a text piece by piece, without the values that stand under a key.

    A report of megabytes has few places where one may stand, and the patterns are slow.
    """
    done = 0
    for start, end in _places(text):
        yield text[done:start]
        piece = text[start:end]
        for keyed in _BY_KEY:
            piece = keyed.sub(_mask_value, piece)
        yield piece
        done = end
    yield text[done:]


def _places(text: str) -> Iterator[tuple[int, int]]:
    """Yield the lines around each hint, those that overlap as one place."""
    lower = text.lower()
    if len(lower) != len(text):
        # A letter that two small ones stand for: places would be shifted.
        yield 0, len(text)
        return
    place: tuple[int, int] | None = None
    for hint in _HINT.finditer(lower):
        if place is not None and hint.end() + _AFTER <= place[1]:
            continue
        # With the newline before them, for a pattern may ask for it.
        start = max(0, text.rfind("\n", 0, max(0, hint.start() - _BEFORE)))
        end = text.find("\n", hint.end() + _AFTER)
        end = len(text) if end < 0 else end
        if place is not None and start > place[1]:
            yield place
            place = None
        place = (place[0] if place else start, end)
    if place is not None:
        yield place


def redact_capture(path: Path, secrets: Iterable[str]) -> None:
    """Overwrite secrets in a capture by as many asterisks, so that every length stays true."""
    data = original = path.read_bytes()
    for form in sorted(_all_forms(secrets), key=len, reverse=True):
        raw = form.encode()
        if len(raw) >= _LEAST_IN_PCAP and raw in data:
            data = data.replace(raw, b"*" * len(raw))
    if data != original:
        # In its own place: that needs no room on the disk, and no secret outlives it.
        with path.open("r+b") as file:
            file.write(data)


def redact_file(path: Path, secrets: Iterable[str]) -> None:
    """Hide every secret in a file of text; it is whole at any moment, and its owner's as before."""
    text = path.read_text(encoding="utf-8", errors="replace")
    hidden = redact(text, secrets)
    if hidden != text:
        fresh = path.with_name(f".{path.name}.new")
        try:
            fresh.write_text(hidden, encoding="utf-8")
            fresh.chmod(path.stat().st_mode & 0o777)
            fresh.replace(path)
        finally:
            fresh.unlink(missing_ok=True)


def secrets_below(folder: Path) -> set[str]:
    """Return every value that stands under a secret's key in the files of a folder.

    What a run rendered (phone files, Asterisk's configuration) tells its secrets, long after the
    lab file it was made from has changed.
    """
    found: set[str] = set()
    for file in folder.rglob("*"):
        if file.suffix in {".xml", ".conf", ".json", ".yaml"} and file.is_file():
            text = file.read_text(encoding="utf-8", errors="replace")
            for keyed in _BY_KEY:
                found |= {unescape(match["value"].strip()) for match in keyed.finditer(text)}
    return {value for value in found if not is_hidden(value)} - _PUBLIC


def _mask_value(match: re.Match[str]) -> str:
    value = match["value"]
    if value.startswith("[hidden") or not value.strip():
        return match[0]
    return match["head"] + _mask(value)


def _mask(secret: str) -> str:
    return HIDDEN_LONG if len(secret) > _KEPT else HIDDEN


def _all_forms(secrets: Iterable[str]) -> set[str]:
    return set().union(*(_forms(each) for each in secrets if each and each not in _PUBLIC))


def _forms(secret: str) -> set[str]:
    """Return a secret as texts write it; without those too short to be told from other text."""
    written: set[str] = set()
    for plain in {secret, secret[:_KEPT]}:
        written |= {plain, escape(plain), escape(plain, quote=False)}
        # Jinja2 and ElementTree write quotes as numbers.
        written |= {escape(plain).replace("&quot;", "&#34;").replace("&#x27;", "&#39;")}
        written |= {escape(plain, quote=False).replace('"', "&quot;")}
        written |= {quote(plain, safe=""), quote(plain), quote_plus(plain)}
    for form in tuple(written):
        written |= {json.dumps(form)[1:-1], json.dumps(form, ensure_ascii=False)[1:-1]}
    return written | _in_base64(secret)


def _in_base64(secret: str) -> set[str]:
    """Return what a secret contributes to base64, at each of the three places it may begin at."""
    raw = secret.encode()
    if len(raw) < _LEAST_IN_BASE64:
        return set()
    found = set()
    for before in range(3):
        text = b64encode(bytes(before) + raw).decode()
        # The first and the last letters hang on what is beside the secret.
        first = (before * 8 + 5) // 6
        last = (before + len(raw)) * 8 // 6
        found.add(text[first:last])
    return found


@dataclass(frozen=True, slots=True)
class _Form:
    """A secret as some text writes it, and what to put in its place."""

    written: str
    mask: str

    def hidden_in(self, text: str) -> str:
        if len(self.written) >= _LEAST_ANYWHERE:
            return text.replace(self.written, self.mask)
        word = rf"(?<![A-Za-z0-9]){re.escape(self.written)}(?![A-Za-z0-9])"
        return re.sub(word, self.mask, text)


class _Search:
    """Look for all forms of all secrets in one go: a night has hundreds, its report megabytes."""

    def __init__(self, secrets: frozenset[str]) -> None:
        masks: dict[str, str] = {}
        for secret in secrets:
            if secret and secret not in _PUBLIC:
                masks |= dict.fromkeys(_forms(secret), _mask(secret))
        self._automaton = ahocorasick.Automaton()
        for written, mask in masks.items():
            self._automaton.add_word(written, _Form(written, mask))
        self._automaton.make_automaton()

    def found_in(self, text: str) -> list[_Form]:
        """Return what is in a text, the longest first: a secret may be part of another."""
        # Without a word there is nothing to search by.
        if not len(self._automaton):
            return []
        found = {form for _, form in self._automaton.iter(text)}
        return sorted(found, key=lambda form: len(form.written), reverse=True)


@lru_cache(maxsize=8)
def _search(secrets: frozenset[str]) -> _Search:
    return _Search(secrets)
