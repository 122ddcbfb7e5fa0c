"""What lies on disk of a run: tables, records, claims, and how its cells stand. Reports read it; no torch here."""
