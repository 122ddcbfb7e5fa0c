"""Shared mathematics of editors that are trained: networks that turn gradients into updates. No method, no model."""
