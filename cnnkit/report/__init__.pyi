from .evaluation import evaluation_page as evaluation_page, write_evaluation as write_evaluation
from .explanations import Explanations as Explanations, explain_samples as explain_samples
from .page import write as write
