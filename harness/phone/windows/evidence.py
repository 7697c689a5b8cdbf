"""What a phone itself says and shows, kept beside a failed test."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from harness.errors import HarnessError
from harness.evidence import redact
from harness.phone.windows.fetch import WindowClosed
from harness.phone.windows.web import PhoneWeb

__all__ = ["keep_evidence"]


def keep_evidence(web: PhoneWeb, folder: Path, secrets: Iterable[str]) -> str:
    """Write ``status.txt``, ``console.txt`` and ``screen.png`` and return the status messages.

    Nothing here may cost a test its verdict: what cannot be read is told in a sentence instead,
    and a closed window ends it at once.

    Args:
        web: the phone's web window.
        folder: made when there is something to put into it.
        secrets: values to hide in the logs.
    """
    hidden = tuple(secrets)
    try:
        messages = web.status_messages()
    except WindowClosed as closed:
        return closed.summary
    except HarnessError as fault:
        return f"its status messages cannot be read: {fault.summary}"
    folder.mkdir(parents=True, exist_ok=True)
    status = redact("\n".join(map(str, messages)), hidden)
    (folder / "status.txt").write_text(status + "\n", encoding="utf-8")
    try:
        console = "\n".join(
            f"{line.sequence}: {line.level} {line.time} {line.task}: {line.text}"
            if line.sequence is not None
            else line.text
            for line in web.console_log()
        )
        (folder / "console.txt").write_text(redact(console, hidden) + "\n", encoding="utf-8")
        (folder / "screen.png").write_bytes(web.screenshot())
    except HarnessError as fault:
        (folder / "missing.txt").write_text(f"{fault.summary}\n", encoding="utf-8")
    return redact("\n".join(message.text for message in messages), hidden)
