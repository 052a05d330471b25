"""Networks that others pretrained, and what is trained on their features.

- `backbone`: every pretrained network by one interface.
- `mn04`, `yamnet`: EfficientAT's mn04 and YAMNet as Keras models.
- `weights`: published weights, found or fetched once.
- `torch_file`, `tflite_file`, `keras_file`: the tensors of a PyTorch, a TFLite and a Keras file, and nothing is run.
- `frozen`, `features`, `head`: a run whose backbone stays as it is, its features, which are kept, and the head that
  is fitted to them. `dense`, `chance`: how one is fitted, and when another is better.
- `fine_tune`: the last blocks of a backbone, or all, trained further, and kept where that is better.
- `shots`: how good heads on a few clips per class are. `held_out`: how well one tells a class it does not know.
- `flags`: what only such a run has.
- `saved`: the whole of a pretrained network as a Keras file, for `export`.
- `verb`: `python -m train backbone get|save|classes NAME`.
"""
