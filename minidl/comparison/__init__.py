"""Models compared honestly: same seeds, same data, spread, baselines, and a verdict in words."""
