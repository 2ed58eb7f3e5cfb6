"""Settings, loggers and the validation of requests."""
