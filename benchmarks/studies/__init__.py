"""One module per verb of `python -m benchmarks`: its parser, its study, its table.

- `models`: the table over model files, when no verb is named. `models_request`: its command line.
- `matrix`: every network, format and split. `clip_length`: what a part of a clip is worth.
- `frontend`: the front end beside librosa. `startup`: what a label costs from nothing.
- `catalogue`: a library of files, and the memory that it takes.
- `operators`: where the time goes inside a file. `export_cost`: what an export costs.
- `compare`: two results beside each other.
"""
