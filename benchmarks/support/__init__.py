"""What the benchmarks share: the series, the origins and how answers are judged, the methods, and the report."""
