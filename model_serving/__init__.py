"""Python models behind HTTP: a Flask-RESTful service. Start reading at routes.py, then app.py."""

import os

__version__ = '1.0.0'

# onnxruntime would start a thread that reports to its makers. It sends what nobody asked it to, and a forked
# worker crashes at its end for want of that thread. Read when onnxruntime is imported, so it is set before.
os.environ['ORT_DISABLE_TELEMETRY'] = '1'
