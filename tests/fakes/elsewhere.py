"""A user's module beside main.py."""


class ElsewhereModel:
    def __init__(self):
        raise ValueError('elsewhere')
