"""Python models behind HTTP: a Flask-RESTful service. Start reading at routes.py, then app.py."""
