from toolkit.command import start

raise SystemExit(start("train", extra="train"))
