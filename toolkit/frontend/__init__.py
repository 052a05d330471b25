"""Samples to the network's input: the same code in training, on the device and in benchmarks.

- `spec`, `spec_checks`: the values that decide it, as they stand on a card, and which can be computed.
- `windows`: a clip cut into what the network hears at once.
- `framing`, `fft`, `mel`, `mel_weights`, `spectrogram`, `peak`: samples to decibels in mel bands.
- `picture`, `colormap`: decibels to the paper's picture, and to the cells that it shows.
- `picture_grid`: a public picture's columns to what a grid front end shows of its sound.
- `grid`: mel bands to the grid of any other network.
- `features`: one of these, as the front end says.
- `presets`: front ends by name, or from a JSON file.
"""
