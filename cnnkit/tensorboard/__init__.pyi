from . import event_files as event_files, film as film, projector as projector
