"""A Keras network as an ONNX file.

- `convert`: Keras to ONNX, by tf2onnx. `ordered_sets`: the same way in every process.
- `hard_sigmoid`: the gate of hard-swish in one operator.
- `quantize`: int8 and dynamic weights, by ONNX Runtime.
- `frontend`: the front end with ONNX's own STFT.
- `mixed`: float32 and int8, layer by layer.
"""
