"""Which layers to quantise, and how to make a network bear it.

- `search`: a plan for a mixture, and the order in which plans are tried.
- `mixer`: what builds a plan's model, whichever the format.
- `trials`: a plan tried: its size, time and distance.
- `qat`: training that rounds as the int8 file does.
"""
