"""Timelines: when something sounds in a file, as events with a start, an end, a label and a score.

- `source`: a file's samples, or those on standard input, block by block.
- `spans`: which part of the sound the decision after a window is about.
- `events`: samples to events.
- `run`: the command's job, from names to timelines, each in a file of its own or all in one text.
- `formats`: a timeline as text: a table, JSON, CSV, Audacity's labels, RTTM, Raven's selections.
- `spectrogram`, `plot`: a picture of the sound with its events.
- `arguments`: the command's flags.
"""
