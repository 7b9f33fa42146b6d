"""What comes after a sum of 5 mm or less, slow and obvious: one number at a time."""

import math


def cdf(value, last_value, gap_days, leaving_per_week, log_size):
    """P(next sum <= value)."""
    stays = math.exp(-leaving_per_week * gap_days / 7)
    chance = stays if value >= last_value else 0.0
    if value > 5:
        chance += (1 - stays) * (1 - math.exp(-math.log(value / 5) / log_size))
    return chance


def fitted(origins, leaving_per_week, log_size):
    """λ and m from (last value, next value, gap in days), drawn to those given."""
    weeks, leaves, sizes = 60.0, 60.0 * leaving_per_week, [log_size, log_size]
    for last, following, gap in origins:
        if last > 5:
            continue
        weeks += gap / 7
        if following > 5:
            leaves += 1
            sizes.append(math.log(following / 5))
    return leaves / weeks, sum(sizes) / len(sizes)
