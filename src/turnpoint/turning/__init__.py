"""From the posterior to what people act on: state, three dates, cause of a plateau, alert, evidence."""
