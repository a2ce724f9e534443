"""``orecast publish``: everything that is known, as files in a folder of the day."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from forecast.cli.output import warn_left_out
from forecast.cli.session import session
from forecast.errors import Misconfigured


def publish(
    to: Annotated[
        Path | None, typer.Option("--to", metavar="DIR", help="the folder; ORECAST_PUBLISH_DIR if left out")
    ] = None,
) -> None:
    """Publish forecasts, effects, series, events and observations as CSV files.

    DIR/YYYY-MM-DD holds what is known today, and DIR/latest leads to the last
    day: a reader finds all of it there at every moment, or, the first time,
    none. manifest.json has the rows and the SHA-256 of each file. Nothing is
    written where nothing changed. The worker does the same after each
    retraining. Series that cannot be served are named and left out (exit code
    1), as are those with too few values for a forecast (exit code 0).

    \b
    Examples:
      orecast publish --to /srv/orecast
      ORECAST_PUBLISH_DIR=/srv/orecast orecast publish
    """
    from forecast.jobs.publish import publish as publish_into

    with session() as s:
        folder = to or s.settings.publish_dir
        if folder is None:
            raise Misconfigured("nothing says where to publish: expected --to DIR, or ORECAST_PUBLISH_DIR")
        published = publish_into(s.catalog, s.registry, folder, s.today, s.settings.publish_keep)
    print(f"{folder}: {published.status}, {published.size}")
    raise typer.Exit(warn_left_out(published.left_out))
