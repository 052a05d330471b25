"""Endless sound: from a microphone or a pipe to a label that does not flicker.

- `blocks`: what a source yields. `microphone`, `pipe`: the sources.
- `stall`: notice that a source gives no sound.
- `repair`: damaged samples count as 0.
- `downmix`: channels to one, also where their mean cancels.
- `sliding_window`: blocks to the windows that the network hears.
- `smoothing`: a window's probabilities to a steady label.
- `events`: what is heard, as it comes.
- `mqtt`: labels to a broker, where Home Assistant finds them.
- `listen`: the command's work, from a source to lines of output.
"""
