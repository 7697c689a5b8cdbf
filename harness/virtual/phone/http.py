"""The HTTP try of newer loads: GET on port 6970 of the TFTP server, before TFTP itself.

usecallmanager.nz, "HTTP provisioning"; a 7942 with 9.4(2) was logged with TFTP only, so it is off
unless the lease says otherwise.
"""

from __future__ import annotations

import asyncio
import re
from urllib.parse import quote

__all__ = ["get"]

_PORT = 6970
_PATIENCE = 5.0


async def get(address: str, server: str, name: str, limit: int | None) -> bytes | None:
    """Fetch a file; None when the server refuses, has none, or it is over ``limit`` bytes."""
    path = "/" + quote(name.lstrip("/"))
    try:
        async with asyncio.timeout(_PATIENCE):
            reader, writer = await asyncio.open_connection(server, _PORT, local_addr=(address, 0))
            try:
                writer.write(f"GET {path} HTTP/1.0\r\nHost: {server}\r\n\r\n".encode())
                answer = await reader.read(-1)
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return None
    head, _, body = answer.partition(b"\r\n\r\n")
    if not re.match(rb"HTTP/1\.[01] 200 ", head):
        return None
    return body if limit is None or len(body) <= limit else None
