"""Audio files and pictures with labels, and the runs that were trained on them.

- `dataset`: a folder of classes or a list, indexed; `folder_tree`: its folders and files, in order.
- `negatives`: sounds of none of the classes, as one more class.
- `labelled`: a file and what is stated about it; `listing`: a list of files as CSV.
- `splits`, `folds`: which items train, validate and test.
- `recordings`, `groups`: which items are takes of one recording, by their names or by a regular expression.
- `duplicates`: which audio files hold the same sound.
- `features`: what a network sees of the items, computed once.
- `statistics`: lengths, rates and silence of the clips.
- `run_folder`: a finished training run as later stages read it.
- `synthetic`, `synthetic_voices`: synthetic sounds.
"""
