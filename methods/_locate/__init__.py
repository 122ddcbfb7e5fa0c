"""Shared mathematics of the locate-then-edit family: pure functions, no state, no method."""
