"""One model file that says what it is: the network and its card.

- `file`: read and write one, TFLite or ONNX.
- `card`, `card_sections`: what the card holds, checked.
- `entries`: the card as the bytes that stand in a file.
- `tflite`, `onnx`: where those bytes stand in each format.
- `text_checks`: which texts may stand on a card.
"""
