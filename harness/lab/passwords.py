"""Passwords lab.yaml leaves out: derived from a key of this user, the same at every reading.

Random ones would make two renderings of the same lab differ; written ones would lie in a
repository. The key stays in the user's state folder, readable by the user alone.
"""

from __future__ import annotations

import hmac
import os
import secrets
import string
from contextlib import suppress
from pathlib import Path

from pydantic import SecretStr

from harness.errors import UsageFault
from harness.lab.inventory import Lab

__all__ = ["key_file", "with_passwords"]

_ALPHABET = string.ascii_letters + string.digits
#: A 79x2 keeps 31 characters of a password, and some loads fail above 12 (SIPCC; users' reports).
_LENGTH = 10
_KEY_BYTES = 32
_OTHERS = 0o077


def key_file() -> Path:
    """Return where the key is kept: ``phone-bench/password.key`` in the user's state folder."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "phone-bench" / "password.key"


def with_passwords(lab: Lab) -> Lab:
    """Return the lab with a password for every line and peer that has none.

    A line's hangs on the MAC and the button, a peer's on its name: who moves a phone to another
    lab.yaml keeps its password.

    Raises:
        UsageFault: the key cannot be made or read, or others may read it.
    """
    owners = [line for phone in lab.phones.values() for line in phone.lines] + [*lab.peers.values()]
    if all(each.password.get_secret_value() for each in owners):
        return lab
    key = _key(key_file())
    phones = {
        name: phone.model_copy(
            update={
                "lines": tuple(
                    line
                    if line.password.get_secret_value()
                    else line.model_copy(
                        update={"password": _derived(key, "line", phone.mac, str(button))}
                    )
                    for button, line in enumerate(phone.lines, start=1)
                )
            }
        )
        for name, phone in lab.phones.items()
    }
    peers = {
        name: peer
        if peer.password.get_secret_value()
        else peer.model_copy(update={"password": _derived(key, "peer", name)})
        for name, peer in lab.peers.items()
    }
    return lab.model_copy(update={"phones": phones, "peers": peers})


def _derived(key: bytes, *what: str) -> SecretStr:
    number = int.from_bytes(hmac.digest(key, "\0".join(what).encode(), "sha256"), "big")
    letters = []
    for _ in range(_LENGTH):
        number, letter = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[letter])
    return SecretStr("".join(letters))


def _key(path: Path) -> bytes:
    try:
        if not path.exists():
            _make(path)
        if path.stat().st_mode & _OTHERS:
            raise UsageFault(f"others may read {path}", hint=f"chmod 600 {path}")
        key = path.read_bytes()
    except OSError as error:
        raise UsageFault(
            f"cannot keep the key that passwords are made from: {error}",
            hint="set XDG_STATE_HOME to a folder of yours, or write the passwords into lab.yaml",
        ) from error
    if len(key) < _KEY_BYTES:
        raise UsageFault(f"{path} holds no key", hint="remove it: the next run makes a new one")
    return key


def _make(path: Path) -> None:
    """Write a new key; of two that come at once the first wins, and both read that one."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secrets.token_bytes(_KEY_BYTES))
    with suppress(FileExistsError):
        path.hardlink_to(draft)
    draft.unlink()
