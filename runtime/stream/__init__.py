"""Endless sound: from a microphone or a pipe to a label that does not flicker.

- `blocks`: types of all sources. `microphone`, `pipe`: the sources.
- `stall`: notice that no sound comes from a source.
- `repair`: damaged samples count as 0.
- `sliding_window`: samples to the probabilities of each window.
- `smoothing`: a window's probabilities to a steady label.
- `events`: a result and a decision after every hop.
- `embedding`: an embedding after every hop.
- `mqtt`: events to a broker. `home_assistant`: discovery of its sensors.
- `listen`: the command's job, from a source to lines of output.
"""
