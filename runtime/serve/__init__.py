"""A page and an API on the device: what sounds now, what sounded, and files to classify.

- `arguments`, `command`: the verb's flags, and its job.
- `request`: what is served. `state`: what all endpoints share.
- `server`: the process's life, from the first request to the last. `app`: routes. `security`: who may ask for what.
- `live`: what sounds now, for all readers. `listening`: a source of sound to it. `columns`: sound to spectrogram.
- `recorder`: decisions to events. `event_log`: events in SQLite. `clips`: sound in class folders, within a quota.
- `classify`: an audio file to its answer. `bodies`: what a request holds, within limits.
- `api_live`, `api_events`, `api_files`: endpoints. `replies`: their answers. `openapi`: their description.
- `metrics`: counters for Prometheus. `page`: the page and its files. `charts`: the log as charts for it.
"""
