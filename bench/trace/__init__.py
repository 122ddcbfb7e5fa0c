"""Causal tracing: where a model recalls facts, and so which layers to edit."""
