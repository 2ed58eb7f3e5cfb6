"""The ASGI side of a request: its body, who answers it, and how Flask is called."""
