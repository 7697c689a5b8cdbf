"""A thing that outlives its process tells by its name whether that process still runs."""

from __future__ import annotations

import os

from harness.owners import owned_name, owner_is_gone


def test_a_thing_knows_its_owner() -> None:
    assert not owner_is_gone(owned_name())
    assert not owner_is_gone(owned_name("desk-7942"))
    # The same process number, but of a process that started at another time.
    assert owner_is_gone(f"phone-bench-{os.getpid()}-1-abcdef")
    assert owner_is_gone(f"phone-bench-{os.getpid()}-1-desk-7942-abcdef")


def test_other_peoples_things_are_left_alone() -> None:
    assert not owner_is_gone("somebody-elses")
    assert not owner_is_gone("phone-bench-notes")


def test_two_things_of_one_owner_have_two_names() -> None:
    assert owned_name("lab") != owned_name("lab")
