"""The look of every HTML page: one stylesheet, one set of charts. Standard library only; no page needs another file.

- `document`: the page around its parts. `style.css`: colours for light and dark, tables, buttons, legends.
- `svg`: shapes, and the two kinds of drawing. `axes`: round numbers along an axis.
- `charts`: bars, columns, heat maps, distributions. `over_time`: strips along a clock.
"""
