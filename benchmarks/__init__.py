"""Measuring model files: accuracy, size, memory and latency, on a laptop or on the device itself.

- `cli`: the command and its verbs. `arguments`: what several verbs accept.
- `studies`: one module per verb.
- `measure`: what is measured, and how. `profile`: where the time goes inside a model file.
- `report`: how results are shown and kept. `assets`: a page's script, a result's schema, the usual script.
"""
