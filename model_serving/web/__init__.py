"""What is true of every request: ids, JSON, errors, health, the page."""
