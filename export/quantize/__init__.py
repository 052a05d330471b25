"""Which layers to quantise, and how to make a network bear it.

- `search`: a plan for a mixture, and the order in which plans are tried.
- `trials`: a plan tried: its size, time and distance.
- `qat`: training that rounds as the int8 file does.
"""
