"""What was right, how sure, how fast, and where.

- `metrics`: accuracy, intervals, confusion, calibration. `multi_label`: where several labels may fit a sound.
- `temperature`: the scale that makes probabilities honest.
- `latency`: times as percentiles with intervals; `intervals`: those of quantiles.
- `machine`: the processor and versions that figures are of.
"""
