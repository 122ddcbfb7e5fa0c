"""Editing methods, one file each: a `Config`, a `build`, and a docstring that says what it does."""
