"""One cell, step by step, then the grid of them: in this process, in several, or on a cluster."""
