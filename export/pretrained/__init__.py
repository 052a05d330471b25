"""A network that others pretrained becomes model files as it is, without any training.

- `arguments`: its flags, and the job they describe. `pipeline`: the steps from its name to its files.
- `groups`: one's own labels from groups of its classes.
- `saved`: the network as a Keras file, which `python -m train backbone save` writes.
"""
