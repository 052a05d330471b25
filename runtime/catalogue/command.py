"""What `python -m runtime catalogue` prints."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from runtime.catalogue.arguments import is_report, report_request, run_request, tag_request
from runtime.catalogue.report import report
from runtime.catalogue.run import Compute, catalogue
from runtime.catalogue.tagging import Tagger


def work(arguments: argparse.Namespace, message: Callable[[str], None]) -> int:
    """Do what arguments name and return the exit code: 1 where a file failed or could not be reached."""
    if is_report(arguments):
        page = report_request(arguments)
        figures = report(page)
        print(f"{page.page}: {figures.files:,} files, {figures.failed:,} failed")
        return 0
    request, tags = run_request(arguments), tag_request(arguments)
    tagger = None if tags is None else Tagger(tags, print, message)
    if arguments.model is None:
        message(f"using {request.model}")
    summary = catalogue(request, message, _compute(arguments.engine), tagger)
    print("\n".join(summary.lines(request.out)))
    if tagger:
        print(tagger.line())
    return 1 if summary.failed or summary.unreachable or (tagger and tagger.failed) else 0


def _compute(engine: str) -> Compute:
    if engine == "ray":
        from runtime.catalogue.ray_workers import computed

        return computed
    from runtime.catalogue import workers

    return workers.computed
