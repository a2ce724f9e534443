"""Trained runs on disk: save, verify, serve, promote, roll back. The only package that knows the artifacts."""

from forecast.registry.card import Card
from forecast.registry.past import PastForecasts
from forecast.registry.run import Payload, Run
from forecast.registry.store import Registry, RunSummary

__all__ = ["Card", "PastForecasts", "Payload", "Registry", "Run", "RunSummary"]
