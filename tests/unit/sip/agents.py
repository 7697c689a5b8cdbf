"""Stand-ins for a peer's process: each a line of Python that speaks its pipe."""

from __future__ import annotations

import sys

_HEAD = """
import json, sys, os
def say(kind, **v): sys.stdout.write(json.dumps({"kind": kind, **v}) + "\\n"); sys.stdout.flush()
def call(state, code=0, reason="", number=1):
    say("CallReported", call=number, state=state, code=code, reason=reason, remote="sip:b@h",
        call_id="cid", statistics=None)
def done(m, fault="", call=0):
    say("Answered", id=m["id"], fault=fault, call=call, statistics=None)
spec = json.loads(sys.stdin.readline())
"""
_READY = 'say("Ready", local="127.0.0.1:5", version="x")\n'
_SERVE = "for m in map(json.loads, sys.stdin):\n"


def agent(body: str, *, serve: str = "") -> tuple[str, ...]:
    """Run ``body`` after the spec was read, then ``serve`` for each command ``m``."""
    loop = _SERVE + "".join(f"    {line}\n" for line in serve.splitlines()) if serve else ""
    return (sys.executable, "-S", "-c", _HEAD + body + "\n" + loop)


def ready(serve: str) -> tuple[str, ...]:
    """A process that starts well and does ``serve`` for each command; Leave ends it."""
    return agent(_READY, serve='if m["kind"] == "Leave": done(m); break\n' + serve)
