"""Networks that others pretrained, and what is trained on their features.

- `backbone`: every pretrained network by one interface.
- `mn04`: EfficientAT's mn04 as a Keras model.
- `weights`, `torch_file`: published weights, found or fetched once; the tensors of such a file, without PyTorch.
- `frozen`, `head`: a run whose backbone stays as it is, and the logistic regression that is fitted to its features.
- `verb`: `python -m train backbone get NAME`.
"""
