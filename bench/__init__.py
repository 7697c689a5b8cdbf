"""Measurements: how the harness's own parts compare with the ones they stand in for."""
