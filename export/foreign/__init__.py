"""A Keras model that was not trained here becomes model files, checked as those of a run.

- `arguments`: its flags, and the job they describe. `pipeline`: the steps from its file to its files.
- `saved`: what a file is, and whether it may be loaded; `loading`: the model in it.
- `axes`: how its input lies beside what the front end computes. `network`: both as one network.
- `sounds`: the clips that its files are compared and calibrated on.
- `culprit`: the layer that cannot be converted.
"""
