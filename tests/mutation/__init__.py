"""Mutation testing: `python -m tests.mutation [PATH ...]` changes one place at a time and asks whether a test notices."""
