"""The keypad line protocol's controller side: requests, keys by its own clock, reports.

Versions 1 and 2 of docs/reference/keypad-protocol.md; what each verb does is written there. It
knows no pins: coils and lights are given to it, and a function that sends.
"""

from coils import LimitError
from frames import FrameReader, encode

NEWEST_VERSION = 2
MOST_KEYS = 32
LONGEST_MS = 60_000
ANSWERS_KEPT = 16


class RefusedError(Exception):
    """A request that is answered with an error."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code = code
        self.text = text


class Typing:
    """A ``tap`` or ``type`` that is under way."""

    def __init__(self, seq, keys, ms, gap_ms):
        self.seq = seq
        self.keys = keys
        self.ms = ms
        self.gap_ms = gap_ms
        self.index = 0
        self.down = False
        self.due = 0


class Controller:
    """Obey one host.

    Args:
        board: names and limits.
        now: gives the milliseconds since the start.
        coils: what presses keys.
        lights: what sees lamps.
        send: takes each frame.
        fault: why it cannot work, which is what every host is told, or "".
    """

    def __init__(self, board, now, coils, lights, send, fault=""):
        self._board = board
        self._now = now
        self._coils = coils
        self._lights = lights
        self._write = send
        self._fault = fault
        self._frames = FrameReader()
        self._version = 0
        self._answers = []
        self._typing = None
        self._dropped = None
        self._fed = None

    # --- the main loop's calls --------------------------------------------------------------------

    def take(self, data):
        """Take bytes from the host and do what they ask for."""
        for body in self._frames.feed(data):
            words = body.split(" ")
            if len(words) > 1 and words[0][:1] == ">" and words[0][1:].isdigit():
                self._request(words[0][1:], words[1], words[2:])

    def turn(self):
        """Do what is due: end a press, begin the next, watch limits, the host and one lamp."""
        self._type_on()
        for key in self._coils.tend(self._now()):
            self._give_up(key)
        now = self._now()
        if self._fed is not None and now - self._fed >= self._board.WATCHDOG_MS:
            self._fed = None
            self._release_all()
            self._report("watchdog")
            self._tell_dropped()
        seen = self._lights.look(now)
        if seen is not None and self._version:
            self._send(f"!{seen[0]} lamp {seen[1]} {seen[2]}")

    def spare_ms(self):
        """Return for how long nothing has to be timed."""
        if self._coils.down():
            return 0
        return 1000 if self._typing is None else max(0, self._typing.due - self._now())

    # --- requests ---------------------------------------------------------------------------------

    def _request(self, seq, verb, words):
        self._fed = self._now()
        if verb != "hello":
            for known, answer in self._answers:
                if known == seq:
                    self._send(answer)
                    return
            if self._typing is not None and self._typing.seq == seq:
                return
        try:
            text = self._obey(seq, verb, words)
        except RefusedError as refused:
            self._answer(seq, "err", refused.code + " " + refused.text)
            return
        except LimitError as limit:
            self._answer(seq, "err", self._limit_code() + " " + str(limit))
            return
        if text is not None:
            self._answer(seq, "ok", text)
            self._tell_dropped()

    def _obey(self, seq, verb, words):
        count = len(words)
        if verb == "hello" and count <= 1:
            return self._hello(words)
        if verb == "alive" and count == 0:
            return ""
        if verb == "lamps" and count == 0:
            return " ".join(f"{lamp}={colour}" for lamp, colour in self._lights.colours())
        if verb == "release-all" and count == 0:
            self._release_all()
            return ""
        if verb in ("down", "up") and count == 1:
            self._may(words)
            return self._press(words[0]) if verb == "down" else self._release(words[0])
        if verb == "tap" and count == 2:
            return self._type(seq, words[:1], _time(words[1]), 0)
        if verb == "type" and 3 <= count <= 2 + MOST_KEYS:
            return self._type(seq, words[2:], _time(words[0]), _time(words[1]))
        if verb in ("hello", "alive", "lamps", "release-all", "down", "up", "tap", "type"):
            raise RefusedError("bad-arguments", (verb + " " + " ".join(words)).strip())
        raise RefusedError("bad-verb", verb)

    def _hello(self, words):
        wanted = 1
        if words:
            wanted = int(words[0]) if words[0].isdigit() else 0
            if not wanted:
                raise RefusedError("bad-arguments", "hello " + words[0])
        if self._fault:
            raise RefusedError("broken", self._fault)
        # The old host is gone: nobody waits for the answer to what it began.
        self._release_all()
        self._dropped = None
        self._answers = []
        self._version = min(wanted, NEWEST_VERSION)
        text = f"matrix {self._version} {len(self._coils)}"
        return text if self._version == 1 else text + " " + self._board.FIRMWARE

    def _may(self, keys):
        for key in keys:
            if key not in self._coils:
                raise RefusedError("bad-key", key)
        if self._typing is not None:
            raise RefusedError("busy", "still typing, no time for " + " ".join(keys))

    def _press(self, key):
        if self._coils.press(key, self._now()):
            self._report(f"key {key} down")
        return ""

    def _release(self, key):
        if self._coils.release(key, self._now()):
            self._report(f"key {key} up")
        return ""

    def _release_all(self):
        """Let go of all keys; a typing that this ends is answered by `_tell_dropped`."""
        if self._typing is not None:
            self._dropped = self._typing.seq
            self._typing = None
        for key in self._coils.down():
            self._release(key)

    def _tell_dropped(self):
        if self._dropped is not None:
            seq = self._dropped
            self._dropped = None
            self._answer(seq, "err", "aborted released meanwhile")

    def _limit_code(self):
        return "limit" if self._version >= 2 else "busy"

    def _give_up(self, key):
        """Let go of a key whose coil must not stay on."""
        typing = self._typing
        if typing is not None and typing.down and typing.keys[typing.index] == key:
            self._dropped = typing.seq
            self._typing = None
        self._release(key)
        if self._version >= 2:
            self._report("limit " + key)
        self._tell_dropped()

    # --- typing -----------------------------------------------------------------------------------

    def _type(self, seq, keys, ms, gap_ms):
        self._may(keys)
        for key in keys:
            self._coils.check(key, self._now())
        self._typing = Typing(seq, keys, ms, gap_ms)
        self._typing.due = self._now()
        self._type_on()

    def _type_on(self):
        typing = self._typing
        while typing is not None and self._now() >= typing.due:
            if typing.down:
                self._release(typing.keys[typing.index])
                typing.down = False
                typing.index += 1
                typing.due = self._now() + typing.gap_ms
            else:
                self._type_next(typing)
                typing = self._typing

    def _type_next(self, typing):
        if typing.index == len(typing.keys):
            self._typing = None
            self._answer(typing.seq, "ok", "")
            return
        try:
            self._press(typing.keys[typing.index])
        except LimitError as limit:
            self._typing = None
            self._answer(typing.seq, "err", self._limit_code() + " " + str(limit))
            return
        typing.down = True
        typing.due = self._now() + typing.ms

    # --- the wire ---------------------------------------------------------------------------------

    def _answer(self, seq, kind, text):
        body = f"<{seq} {kind} {self._now()} {text}".rstrip()
        self._answers.append((seq, body))
        if len(self._answers) > ANSWERS_KEPT:
            self._answers.pop(0)
        self._send(body)

    def _report(self, what):
        if self._version:
            self._send(f"!{self._now()} {what}")

    def _send(self, body):
        self._write(encode(body))


def _time(word):
    if word.isdigit() and int(word) <= LONGEST_MS:
        return int(word)
    raise RefusedError("bad-arguments", f"{word} is not 0 to {LONGEST_MS} ms")
