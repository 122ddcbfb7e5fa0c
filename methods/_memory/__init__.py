"""What methods share that answer from a memory beside the weights."""
