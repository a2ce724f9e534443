"""How a run is made: what was known when, what other series teach, backtests from rolling origins, who serves."""
