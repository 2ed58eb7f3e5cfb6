"""Processes: the gunicorn worker with its event loop, start-up, hang detection, the development server."""
