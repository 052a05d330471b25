"""What is measured, and how; nothing here knows how it is shown.

- `suite`: many files in turns, and how. `row`: the results of one file.
- `evaluation`, `accuracy`: which clips a file is judged on, and what it gets right.
- `frontend`: the front end's time and pictures. `clips`: clips to measure with.
- `fresh_process`: memory and time of a process from its start. `peers`: what others write.
- `library`: many files, and a catalogue of them. `pairs`: a model in two results.
- `selection`: which file to ship. `journal`: what is kept of a benchmark that was stopped.
- `conditions`: what disturbs the machine.
"""
