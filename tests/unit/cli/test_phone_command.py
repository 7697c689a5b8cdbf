"""``harness phone`` up to the point where it needs a phone: what its words mean."""

from __future__ import annotations

import pytest

from harness.cli import main
from harness.cli.phone import keys_meant
from harness.keypad import KEYS


def test_a_word_is_a_key_or_a_row_of_keys() -> None:
    assert keys_meant(["settings", "**#**", "hold", "1"]) == ["settings", *"**#**", "hold", "1"]


def test_every_key_there_is_can_be_named() -> None:
    assert keys_meant(sorted(KEYS)) == sorted(KEYS)


@pytest.mark.parametrize("word", ["line9", "softest", "12a"])
def test_a_key_that_is_none_is_told_before_the_bench_is_opened(
    word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["phone", "desk-7942", "keys", "settings", word]) == 2
    told = capsys.readouterr()
    assert f"{word!r} is no key and no row of keys" in told.err
    assert "hold" in told.err
    assert not told.out
