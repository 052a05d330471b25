"""Export: a finished training run becomes model files that describe themselves and were checked after conversion."""
