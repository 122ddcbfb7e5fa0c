"""Parts of the XTREME evaluator: items and shots, lm-eval tasks and model, the two protocols."""
