"""Frames of the keypad line protocol: docs/reference/keypad-protocol.md."""

LONGEST_FRAME = 512


def _table():
    table = bytearray(256)
    for value in range(256):
        crc = value
        for _ in range(8):
            crc = ((crc << 1) ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
        table[value] = crc
    return bytes(table)


# Bit by bit a frame of 40 characters would take an RP2040 milliseconds.
_TABLE = _table()


def crc8(data):
    """Return the CRC-8 of some bytes (polynomial 0x07, start 0)."""
    crc = 0
    for byte in data:
        crc = _TABLE[crc ^ byte]
    return crc


def encode(body):
    """Return ``body`` as a frame, newline included."""
    raw = body.encode()
    return b"%s*%02X\n" % (raw, crc8(raw))


class FrameReader:
    """Cut a stream of bytes into the bodies of good frames; everything else is passed over."""

    def __init__(self):
        self._line = bytearray()
        self._overlong = False

    def feed(self, data):
        """Take what came and return the bodies it completed, in order."""
        bodies = []
        for byte in data:
            if byte == 0x0A:
                if not self._overlong:
                    body = _body(self._line)
                    if body is not None:
                        bodies.append(body)
                self._line = bytearray()
                self._overlong = False
            elif len(self._line) > LONGEST_FRAME:
                # Without this a stream that never sends a newline would eat all memory.
                self._overlong = True
            else:
                self._line.append(byte)
        return bodies


def _body(line):
    if line and line[-1] == 0x0D:
        line = line[:-1]
    if len(line) < 3 or len(line) > LONGEST_FRAME or line[-3] != 0x2A:
        return None
    body = bytes(line[:-3])
    if bytes(line[-2:]) != b"%02X" % crc8(body):
        return None
    for byte in body:
        if not 0x20 <= byte <= 0x7E:
            return None
    return body.decode()
