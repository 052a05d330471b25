"""A file's samples: float32, mono, at the rate that the caller names.

- `decode`: any file to samples, by libsndfile or FFmpeg.
- `ffmpeg`: the containers and codecs that libsndfile does not know.
- `ogg`: whether an Ogg file ends where it says.
- `pcm`: raw samples without a header.
- `samples`: mixing to mono, resampling, and what counts as samples.
"""
