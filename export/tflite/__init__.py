"""A Keras network as a TFLite file.

- `convert`: Keras to TFLite, by TensorFlow's converter.
- `graph`: two TFLite graphs as one.
- `float16`: weights in half precision.
- `frontend`: the front end as TFLite's builtin operators.
- `mixed`: float32 and int8, layer by layer.
- `depthwise`: what 8 bits hold of a network with depthwise convolutions.
- `metadata`: what other programs read of a file.
"""
