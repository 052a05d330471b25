"""Samples to the network's input: the same code in training, on the device and in benchmarks.

- `spec`: the values that decide it, as they stand on a card.
- `windows`: a clip cut into what the network hears at once.
- `fft`, `mel`, `mel_weights`, `spectrogram`, `peak`: samples to decibels in mel bands.
- `picture`, `colormap`: decibels to the picture that the network sees.
"""
