"""The night in here is run by the tests, not with them."""

collect_ignore = ["suite"]
