"""One model file that says what it is: the network and its card.

- `file`: read and write one, TFLite or ONNX.
- `card`, `card_sections`, `card_checks`: what the card holds, checked. `axes`: in which order an input's sides come.
- `label_files`: labels of a model from elsewhere.
- `golden`: synthetic inputs that show whether a machine computes a file right.
- `entries`: the card as the bytes that stand in a file.
- `tflite`, `onnx`: where those bytes stand in each format.
- `text_checks`: which texts may stand on a card.
"""
