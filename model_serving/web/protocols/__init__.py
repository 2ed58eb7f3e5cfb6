"""Other protocols on HTTP: their URLs, and how a request of one becomes calls of a model's own handler."""
