"""Who is told when a night is over: a command, a webhook.

A notification that fails is told and never changes what the night ends with.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import urllib.error
import urllib.request
from collections.abc import Set as AbstractSet
from typing import Any
from urllib.parse import urlsplit

from harness.evidence import redact

__all__ = ["notify"]

_COMMAND_S = 30.0
_WEBHOOK_S = 10.0


def notify(
    summary: dict[str, Any],
    *,
    command: str = "",
    webhook: str = "",
    secrets: AbstractSet[str] = frozenset(),
) -> list[str]:
    """Tell whoever is to be told.

    Args:
        summary: plain values, sent as one JSON document without any secret.
        command: gets it on standard input; no shell has a say in it.
        webhook: gets it by POST.
        secrets: what must not be in it, nor in what is returned.

    Returns:
        A sentence for each that could not be told.
    """
    body = redact(json.dumps(summary, ensure_ascii=False), secrets)
    told = []
    if command and (why := _run(command, body)):
        told.append(f"the notify command could not tell of the night: {why}")
    if webhook and (why := _post(webhook, body)):
        # Only the host: the rest of such a URL is what lets one write there.
        told.append(f"the webhook at {_host(webhook)} could not be told of the night: {why}")
    return [redact(each, secrets | {webhook}) for each in told]


def _run(command: str, body: str) -> str:
    try:
        done = subprocess.run(
            shlex.split(command), input=body, capture_output=True, text=True,
            errors="replace", timeout=_COMMAND_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"it did not end within {_COMMAND_S:.0f} s"
    except (OSError, ValueError) as error:
        return str(error)
    if not done.returncode:
        return ""
    last = (done.stderr.strip().splitlines() or [""])[-1][:200]
    return f"it ended with {done.returncode}{': ' if last else ''}{last}"


def _post(url: str, body: str) -> str:
    if urlsplit(url).scheme not in {"http", "https"}:
        return "its URL does not begin with http:// or https://"
    request = urllib.request.Request(  # noqa: S310 (scheme checked)
        url, data=body.encode(), headers={"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=_WEBHOOK_S):  # noqa: S310 (scheme checked)
            return ""
    except urllib.error.HTTPError as error:
        with error:
            return f"it answered {error.code}"
    except urllib.error.URLError as error:
        return str(error.reason)
    except (OSError, ValueError) as error:
        return str(error) or type(error).__name__


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "no host"
    except ValueError:
        return "no host"
