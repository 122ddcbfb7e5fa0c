"""What a run will compute and what that will take; nothing is computed here."""
