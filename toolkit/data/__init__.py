"""Audio files and pictures with labels, and the runs that were trained on them.

- `dataset`: a folder of classes, indexed; `folder_tree`: its folders and files, in order.
- `splits`: which items train, validate and test; `recordings`: which of them are takes of one recording.
- `features`: what a network sees of the items, computed once.
- `statistics`: lengths, rates and silence of the clips.
- `run_folder`: a finished training run as later stages read it.
- `synthetic`, `synthetic_voices`: synthetic sounds.
"""
