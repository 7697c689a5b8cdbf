"""The nights in here are run by the tests, not with them."""

collect_ignore = ["night"]
