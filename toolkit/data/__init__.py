"""Sounds and pictures with labels, and what was trained on them.

- `dataset`: a folder of classes, indexed; `folder_tree`: its folders and files, in order.
- `splits`: which items train, validate and test.
- `picture_cache`: the items' pictures, rendered once.
- `run_folder`: a finished training run as later stages read it.
- `synthetic`, `synthetic_voices`: sounds made by the computer.
"""
