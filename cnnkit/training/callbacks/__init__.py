"""A run's own callbacks: its record, the weights to keep, and checks that numbers are finite."""
