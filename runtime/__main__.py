from runtime.cli import entry

raise SystemExit(entry())
