"""The forms of a server's answers, which its OpenAPI document describes."""

import numpy as np
from pydantic import BaseModel, Field


class Class(BaseModel):
    """A class and its probability."""

    label: str = Field(description="Name of the class.")
    probability: float = Field(ge=0, le=1)


class Prediction(BaseModel):
    """What the model says of one file."""

    file: str | None = Field(
        description="The file's name in the form; null for a body of one file."
    )
    label: str = Field(description="The most probable class.")
    probability: float = Field(ge=0, le=1, description="Its probability.")
    top: list[Class] = Field(description="The most probable classes, the best first.")


class Predictions(BaseModel):
    """An answer to /predict: a prediction a file, in the order of the request."""

    model: str = Field(description="Name of the model.")
    predictions: list[Prediction]


class Health(BaseModel):
    """An answer to /health."""

    status: str = Field(description='"ok": requests are answered.')
    waiting: int = Field(description="Inputs that wait for the model.")


class Model(BaseModel):
    """An answer to /model."""

    name: str
    kind: str = Field(description="What an input is: picture, sound or text.")
    input_shape: list[int] = Field(description="Shape of one input; of a picture, height first.")
    preparation: str = Field(description="What is done to a file before the model sees it.")
    task: str = Field(
        description="SingleLabel: probabilities sum to 1; MultiLabel: each stands for itself."
    )
    class_names: list[str]
    parameters: int = Field(description="Number of the model's weights.")
    backend: str = Field(description="What Keras computes with.")
    limits: dict[str, int | float] = Field(description="What a request may have.")


class Refusal(BaseModel):
    """Why a request is not answered."""

    detail: str = Field(description="One sentence.")


def prediction(
    file: str | None, probabilities: np.ndarray, class_names: tuple[str, ...], top: int
) -> Prediction:
    """Return the answer for one file.

    Args:
        file: Its name, or None.
        probabilities: A number a class.
        class_names: A name a class.
        top: How many classes to name, at least 1.

    Returns:
        The answer; classes of equal probability come in the order of `class_names`.
    """
    order = np.argsort(-probabilities, kind="stable")[:top].tolist()
    # A probability of 1 + 1e-7 is rounding.
    values = np.clip(probabilities, 0, 1)
    best = [Class(label=class_names[each], probability=float(values[each])) for each in order]
    return Prediction(file=file, label=best[0].label, probability=best[0].probability, top=best)
