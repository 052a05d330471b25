"""A finished training run becomes model files that describe themselves and were checked after conversion.

- `cli`, `options`, `variants`: the command line, how to export, and the files that a run can become.
- `preflight`: what is refused before anything is read. `output_folder`: its lock, and what is stale in it.
- `pipeline`, `write`: a run loaded; its files converted, checked and put in place. `subject`: what their cards say.
- `trained_run`, `keras`: the run with its dataset; its network, loaded and traced, and its answers.
- `inputs`, `calibration`, `probes`: what networks accept, what ranges are measured on, and what music seldom is.
- `web`: a page that classifies in the browser.
- `microcontroller`: models as C source, and what small devices would not run.
- `foreign`: Keras models that were not trained here.
- `converter`: one file's bytes, from `tflite` or `onnx`, after `quantize`.
- `verify`: whether a file does what the network does. `card`: the description inside a file.
- `front_end_rules`, `weighted`: what TFLite and ONNX have in common. `tools`: other people's converters.
- `tflite_tree`: a TFLite file as a tree of objects, and back.
- `malloc`: freed memory goes back to the system.
"""
