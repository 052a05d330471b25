from toolkit.cli import entry

raise SystemExit(entry())
