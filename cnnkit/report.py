def write(run, evaluation, images=None, filters=None):
    pass
