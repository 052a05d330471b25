"""A network that others pretrained becomes model files as it is, without any training; a run's head becomes one alone.

- `arguments`: its flags, and the job they describe. `pipeline`: the steps from its name to its files.
- `groups`: one's own labels from groups of its classes.
- `head`: the head of a run alone, for a backbone that a device has.
- `saved`: the network as a Keras file, which `python -m train backbone save` writes.
"""
