"""Forecasts of pretrained (zero-shot) models: one protocol, the models by name, and the family that uses them."""
