"""How results are shown and kept.

- `table`: Markdown and plain text. `page`, `trade_off`: one HTML page with its plots.
- `results`: the JSON that `compare` reads. `output`: what every study does at its beginning and end.
"""
