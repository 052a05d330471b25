"""TFLite models for microcontrollers and the Edge TPU: what these would not run, and a model as C source.

- `operators`: the operators of a TFLite file, with their types.
- `check`: what TensorFlow Lite Micro and the Edge TPU would not take, by the lists in `tflite-micro.json` and
  `edge-tpu.json`.
- `c_array`: a model, its labels and its parameters as a .c and a .h file.
- `command`: the verb `check-micro`.
"""
