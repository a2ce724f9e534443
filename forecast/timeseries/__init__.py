"""What is forecast: series on calendars, their observations, what a model sees of them, and how they add up."""
