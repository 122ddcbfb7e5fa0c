"""The embedded classifiers of claims: how they are made, and what they must know."""
