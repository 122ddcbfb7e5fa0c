"""The embedded model: how it is trained, tuned and examined, and its files."""
