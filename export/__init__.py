"""A finished training run becomes model files that describe themselves and were checked after conversion.

- `cli`, `options`, `variants`: what is asked for, and which files that makes.
- `pipeline`, `stages`: the steps from a run to its files.
- `trained_run`, `keras`: the run, its network, and what the network says.
- `calibration`, `probes`: the pictures that ranges are measured on, and those that music seldom is.
- `converter`: one file's bytes, from `tflite` or `onnx`, after `quantize`.
- `verify`: whether a file does what the network does. `card`: what it says of itself.
- `front_end_rules`, `weighted`: what TFLite and ONNX have in common.
- `malloc`: freed memory goes back to the system.
"""
