from toolkit.command import start

raise SystemExit(start("benchmarks", extra="bench"))
