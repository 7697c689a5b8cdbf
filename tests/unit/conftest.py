"""Hypothesis without its clock: an example that takes long on a busy machine is no failure."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("bench", deadline=None)
settings.load_profile("bench")
