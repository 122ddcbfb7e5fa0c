"""Embedded claims: true and false sentences about places, in eleven languages."""
