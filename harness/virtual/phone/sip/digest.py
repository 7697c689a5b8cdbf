"""Digest authentication as the phone does it: MD5, without qop (traces of this family)."""

from __future__ import annotations

import re
from hashlib import md5

__all__ = ["authorization"]

_PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s,]+))')


def _hash(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()


def authorization(challenge: str, method: str, uri: str, user: str, password: str) -> str:
    """Return the value of Authorization for a WWW-Authenticate or Proxy-Authenticate header."""
    given = {m[1].lower(): m[2] or m[3] or "" for m in _PARAMETER.finditer(challenge)}
    realm, nonce = given.get("realm", ""), given.get("nonce", "")
    response = _hash(f"{_hash(f'{user}:{realm}:{password}')}:{nonce}:{_hash(f'{method}:{uri}')}")
    parts = [
        f'Digest username="{user}"', f'realm="{realm}"', f'uri="{uri}"',
        f'response="{response}"', f'nonce="{nonce}"',
    ]  # fmt: skip
    if "opaque" in given:
        parts.append(f'opaque="{given["opaque"]}"')
    return ",".join([*parts, "algorithm=MD5"])
