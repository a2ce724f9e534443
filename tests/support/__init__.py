"""What tests share: a small world worked out by hand, a trained home without fits, a running server."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
"""The repository."""
