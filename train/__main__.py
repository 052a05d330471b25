from train.cli import entry

raise SystemExit(entry())
