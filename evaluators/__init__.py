"""Evaluators, one file per family of metrics: an edited model and its facts in, rows of scores out."""
