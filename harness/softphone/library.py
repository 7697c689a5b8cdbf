"""The one place where pjsua2 is imported; only a peer's own process may do so.

pjsua2 allows one Endpoint per process, and a crash inside it takes the process down: so it must
never be imported by the process that runs the tests.
"""

from __future__ import annotations

from harness.errors import UsageFault

__all__ = ["audio_only", "pj"]

try:
    import pjsua2 as pj
except ImportError as error:
    raise UsageFault(
        f"pjsua2 cannot be imported: {error}",
        expected="the Python binding of pjproject in this virtual environment",
        hint="pip install pjsua2-python, or build it: make pjsua2-from-source",
    ) from error


def audio_only(status: int = 0) -> pj.CallOpParam:
    """Return the parameters of a call operation: one audio stream, and a SIP status if any.

    pjproject 2.16 and later offer a text stream as well unless told not to; with that, a call
    without a common audio codec is not refused, and no desk phone expects it.
    """
    parameters = pj.CallOpParam(True)
    parameters.opt.audioCount = 1
    parameters.opt.videoCount = 0
    if hasattr(parameters.opt, "textCount"):
        parameters.opt.textCount = 0
    parameters.statusCode = status
    return parameters
