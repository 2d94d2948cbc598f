"""Names of samplers, pruners and objectives, which the command line shows without Optuna."""

SAMPLERS = ("tpe", "random", "grid", "cma-es")
PRUNERS = ("none", "median", "hyperband")
# Whether the highest or the lowest is the best.
OBJECTIVES = {
    "accuracy": "maximize",
    "average_precision": "maximize",
    "loss": "minimize",
    "parameters": "minimize",
    "multiply_adds": "minimize",
    "latency": "minimize",
}
