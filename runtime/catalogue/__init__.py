"""A library of audio files to a table of results, which goes on where it was stopped.

- `walk`: the files of a library. `plan`: which of them are still to be classified.
- `file_classifier`: one file to one row, in whichever process; it can be pickled. `row`: a row's fields and origin.
- `workers`: rows computed in processes of this machine. Whatever else yields outcomes of candidates can stand in its
  place (`run.Compute`), as `ray_workers` does: those of a Ray cluster.
- `store`: what every store can do. `parquet`, `csv_file`, `sqlite`: the stores. `open_store`: which one a path names.
- `storage`: every access of the Parquet store to files, and the lock. `objects`: object storage.
- `run`: the job. `summary`: how far it is, and what it did.
- `report`: results as a page. `tagging`: labels as the genres in the files.
- `arguments`, `command`: the command line.
"""
