from toolkit.command import start

raise SystemExit(start("toolkit"))
