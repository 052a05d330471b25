"""Augmentation: training examples that differ in what a listener ignores; evaluation sees none of it.

- `presets`: the transforms of `--augment light` and `strong` for a front end.
- `scale`: what a grid's values mean: seconds per frame, value per decibel, floor and ceiling.
- `grid_ops`: shifts, stretches, masks and curves of known size on a batch of grids.
- `transforms`: the same with random sizes, in physical units.
- `labels`: mixup and label smoothing, which make soft labels.
- `examples`: the whole way from a batch's values and labels to what the network trains on.
"""
