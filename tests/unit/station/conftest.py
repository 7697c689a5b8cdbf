"""Runs without a bench."""

from __future__ import annotations

from tests.unit.station.made_up_run import make_run

__all__ = ["make_run"]
