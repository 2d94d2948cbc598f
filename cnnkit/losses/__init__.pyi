from .weighted import weighted_loss as weighted_loss
