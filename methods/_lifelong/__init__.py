"""Mathematics of editors that make an update of gradients and keep running statistics of them."""
