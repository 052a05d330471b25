"""A file's samples: float32, mono, at the rate that the caller names.

- `decode`: any file to samples, all its recordings, one after the other.
- `locate`: the recordings in a file, by its content.
- `adts`, `au`, `caf`, `flac`, `matroska`, `mp3`, `mp4`, `ogg`, `riff`: the same for one container each.
- `recording`: where a recording begins and ends, and what is doubtful about it.
- `slices`: a long file's bytes, of which a block is in memory.
- `view`: a part of a file that reads like a file of its own.
- `blocks`: a recording's samples in blocks, by libsndfile or FFmpeg.
- `sndfile`: the containers and codecs that libsndfile knows.
- `ffmpeg`: the containers and codecs that libsndfile does not know.
- `pcm`: raw samples without a header.
- `downmix`: channels to one, also where their mean cancels.
- `samples`: resampling, levels, and what counts as samples.
"""
