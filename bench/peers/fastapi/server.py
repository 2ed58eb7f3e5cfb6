"""FastAPI in its documented best way: pydantic types for body and answer, `def` for what blocks, else `async def`."""

import os

from fastapi import FastAPI
from pydantic import BaseModel
from served import served


class Name(BaseModel):
    name: str


class Pixels(BaseModel):
    pixels: list[float]


class Image(BaseModel):
    image: list[list[float]]


class NumberList(BaseModel):
    numbers: list[float]


class Greeting(BaseModel):
    result: str


class Digit(BaseModel):
    result: int


class Probabilities(BaseModel):
    digit: int
    probabilities: list[float]


class DigitProbabilities(BaseModel):
    result: Probabilities


class Sum(BaseModel):
    result: float


TYPES = {
    'hello': (Name, Greeting),
    'many': (Name, Greeting),
    'forest': (Pixels, Digit),
    'digits': (Image, DigitProbabilities),
    'numbers': (NumberList, Sum),
}
# A forest takes milliseconds: on the event loop it would hold every other request up.
BLOCKS = {'forest'}

workload = os.environ['BENCH_WORKLOAD']
body_type, answer_type = TYPES[workload]
app = FastAPI()


def add(name, model):
    """Serve `model` at /v1/<name>."""

    async def answer(body: body_type) -> answer_type:
        return {'result': model.predict([vars(body)])[0]}

    def answer_in_a_thread(body: body_type) -> answer_type:
        return {'result': model.predict([vars(body)])[0]}

    app.post(f'/v1/{name}')(answer_in_a_thread if workload in BLOCKS else answer)


for name, model_class in served(workload).items():
    add(name, model_class())
