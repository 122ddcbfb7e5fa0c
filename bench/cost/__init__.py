"""What editing costs: seconds by phase and memory of every method, measured on a model of a given shape."""
