"""A label as the genre in an audio file's own tags.

- `formats`: the genres in a file's tags, by its content: MP3, FLAC, Ogg and MP4, through mutagen.
- `write`: one file's genre, written so that the file is the old one or the new one, whole.
"""
