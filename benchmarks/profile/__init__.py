"""Where the time goes inside a model file.

- `layers`: a part of a file and its time. `tflite`, `onnx`: how each engine reports them.
"""
