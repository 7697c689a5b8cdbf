"""The tip of a gantry's stylus over phones that may not lie where lab.yaml says."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from harness.virtual.spec import FaceSpec, GantrySpec
from harness.virtual.world import World

__all__ = ["Stylus"]

#: How long a bouncing key is up again before it is down for good.
_BOUNCE_S = 0.03


class Stylus:
    """Press what is really under the tip: a key, the wrong key, or bare plastic.

    Args:
        name: the keypad's name.
        spec: where phones should lie, their keys, and what is wrong with them.
        world: told of the key, at the phone it is met on.
        log: told what happened.
    """

    def __init__(
        self, name: str, spec: GantrySpec, world: World, log: Callable[[str], None]
    ) -> None:
        self._name = name
        self._spec = spec
        self._faults = spec.faults
        self._world = world
        self._log = log
        self._touching = False
        self._position = self._key = ""
        self._stuck: set[tuple[str, str]] = set()
        self._bouncing: list[asyncio.TimerHandle] = []

    def under(self, x: float, y: float) -> tuple[str, str]:
        """Name the key under the tip, after the position of its phone; both are empty for none."""
        met = ((position, self._on_face(face, x, y)) for position, face in self._spec.faces.items())
        return next(((position, key) for position, key in met if key), ("", ""))

    def _on_face(self, face_spec: FaceSpec, x: float, y: float) -> str:
        dx = x - face_spec.corner[0] - self._faults.offset[0]
        dy = y - face_spec.corner[1] - self._faults.offset[1]
        turn = math.radians(self._faults.turn)
        face = (
            dx * math.cos(turn) + dy * math.sin(turn),
            dy * math.cos(turn) - dx * math.sin(turn),
        )
        keys = face_spec.keys
        near = min(keys, key=lambda key: math.dist(keys[key], face))
        return near if math.dist(keys[near], face) <= face_spec.cap else ""

    def move(self, x: float, y: float, *, down: bool) -> str:
        """Take the tip to a position; returns the key it has just gone down on, if any."""
        if down == self._touching:
            return ""
        self._touching = down
        if not down:
            self._leave()
            return ""
        self._position, self._key = self.under(x, y)
        if self._faults.offset != (0.0, 0.0) or self._faults.turn:
            met = f"{self._key} of {self._position}" if self._key else "no key"
            self._fault("offset", f"the phone lies elsewhere, {x:.1f}, {y:.1f} is over {met}")
        if not self._key:
            self._log(f"{self._name}: the stylus is down beside every key at {x:.1f}, {y:.1f}")
        elif self._key in self._faults.lose_keys:
            self._fault("lose_keys", f"{self._key} does not give way")
        else:
            self._press(self._position, self._key)
        return self._key

    def stop(self) -> None:
        """Forget what was still to bounce."""
        for handle in self._bouncing:
            handle.cancel()

    def _press(self, position: str, key: str) -> None:
        if (position, key) in self._stuck:
            return
        self._world.key(position, key, down=True)
        if key in self._faults.double_keys:
            self._fault("double_keys", f"{key} bounces")
            self._world.key(position, key, down=False)
            loop = asyncio.get_running_loop()
            self._bouncing = [loop.call_later(_BOUNCE_S, self._again, position, key)]

    def _again(self, position: str, key: str) -> None:
        # Only if the stylus is still on it: a very short press bounces once.
        if self._touching and (self._position, self._key) == (position, key):
            self._world.key(position, key, down=True)

    def _leave(self) -> None:
        position, key, self._key = self._position, self._key, ""
        if not key or key in self._faults.lose_keys:
            return
        if key in self._faults.stuck_keys:
            self._stuck.add((position, key))
            self._fault("stuck_keys", f"{key} stays down")
            return
        self._world.key(position, key, down=False)

    def _fault(self, fault: str, text: str) -> None:
        self._log(f"fault fired: {self._name} {fault}: {text}")
