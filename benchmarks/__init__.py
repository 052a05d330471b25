"""Measuring model files: accuracy, size, memory and latency, on a laptop or on the device itself."""
