"""The model: dynamics, observation, population prior, and the filter that gives the posterior at every visit."""
