"""Effects of events on series: episodes, their estimate, and the record that forecasts and answers are made from.

Importing this package needs numpy only; what estimates lives in ``forecast.effects.estimate`` and needs scipy.
"""

from forecast.effects.episodes import Episode, Omission, episodes
from forecast.effects.record import EffectRecord, EpisodeEffect

__all__ = ["EffectRecord", "Episode", "EpisodeEffect", "Omission", "episodes"]
