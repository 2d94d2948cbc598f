def curves(history): pass
def image_grid(*a, **k): pass
def confusion_matrix(*a, **k): pass
def filters(*a, **k): pass
def png(f):
    import base64
    return base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
