from benchmarks.cli import entry

raise SystemExit(entry())
