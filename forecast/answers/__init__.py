"""What a run answers: forecasts, effects and scenarios from stored draws; numpy only, nothing is fitted."""
