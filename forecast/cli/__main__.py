"""So that `python -m forecast.cli` is `orecast`."""

from forecast.cli import main

main()
