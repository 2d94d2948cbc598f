"""A run's own callbacks: its record, the weights it keeps, the check for numbers that are not finite."""
