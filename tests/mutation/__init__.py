"""Mutation testing, `python -m tests.mutation [PATH ...]`: one place is changed at a time; does a test notice?"""
