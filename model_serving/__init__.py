"""Python models behind HTTP: a Flask-RESTful service. Start reading at routes.py, then app.py."""

__version__ = '1.0.0'
