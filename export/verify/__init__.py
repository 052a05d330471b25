"""Whether a file does what the network does; nothing here knows how it was converted.

- `gate`: the checks that a file must pass before it is written.
- `parity`: its probabilities and labels beside Keras'.
- `waveform`: the same from samples.
- `layer_errors`: the layer after which a file goes wrong.
- `speed`: its time beside float32's.
"""
