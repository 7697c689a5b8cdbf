"""What stands in the book of locks: resources, who has or wants them, and how it is with those."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from harness.owners import boot_id, process_started

__all__ = ["Holder", "Lock", "LockState", "Member", "Resource"]


@dataclass(frozen=True, slots=True, order=True)
class Resource:
    """Something only one harness may use at a time.

    ``key`` is what it is to this machine, the same in every lab.yaml; ``device`` is what the lab
    calls it.
    """

    key: str
    device: str

    @property
    def name(self) -> str:
        """The key without the network it is in, as a person says it."""
        return self.key.partition("@")[0]


class LockState(StrEnum):
    """How it stands with the one who holds a lock."""

    ALIVE = "alive"
    EXPIRED = "expired"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Member:
    """A process of a reservation. ``machine`` is the boot and the process namespace it is of."""

    pid: int
    started: str
    machine: str

    @classmethod
    def this_process(cls) -> Member:
        """Return the one that asks."""
        return cls(os.getpid(), process_started(os.getpid()), _machine())

    @property
    def gone(self) -> bool:
        """Whether it runs no more; of a process in another container only its lease can tell."""
        if self.machine == _machine():
            return process_started(self.pid) != self.started
        return self.machine.split()[0] != _machine().split()[0]

    @property
    def visible(self) -> bool:
        """Whether its number means the same process to us."""
        return self.machine == _machine()


@dataclass(frozen=True, slots=True)
class Holder:
    """A reservation as others see it: who has it or waits for it, and why.

    ``since`` is when it was asked for, and once it holds when that began; ``until`` is when its
    lease ends unless renewed (both Unix time).
    """

    token: str
    user: str
    host: str
    command: str
    reason: str
    since: float
    until: float
    members: tuple[Member, ...]
    resources: tuple[Resource, ...]
    holds: bool

    @property
    def state(self) -> LockState:
        """Whether it still counts."""
        if all(member.gone for member in self.members):
            return LockState.DEAD
        return LockState.EXPIRED if self.until <= time.time() else LockState.ALIVE

    def wants(self, resource: Resource) -> bool:
        """Whether it has this, or waits for it."""
        return any(own.key == resource.key for own in self.resources)

    def __str__(self) -> str:
        pids = ", ".join(str(member.pid) for member in self.members) or "none"
        return f"{self.user}@{self.host}, process {pids}: {self.command}"


@dataclass(frozen=True, slots=True)
class Lock:
    """A resource that is held, by whom, and how many wait for it."""

    resource: Resource
    holder: Holder
    waiting: int


def _machine() -> str:
    """Name this boot and this process namespace: within both, a process number is good."""
    return f"{boot_id()} {Path('/proc/self/ns/pid').readlink()}"
