"""What is asked for: runs and cells as values, where settings come from, which methods and evaluators there are."""
