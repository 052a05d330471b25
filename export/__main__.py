from toolkit.command import start

raise SystemExit(start("export", extra="train"))
