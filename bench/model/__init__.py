"""A view over any Hugging Face model: weights, hidden states, answers, and the statistics of its keys."""
