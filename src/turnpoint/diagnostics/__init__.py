"""Is the model right about this study? Forecasts beside what came, courses beside courses, posteriors beside priors."""
