"""How a run is made: information sets, panels of series, backtests from rolling origins, selection."""
