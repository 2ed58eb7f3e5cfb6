"""Plain Python models. Nothing here knows of Flask or HTTP."""
