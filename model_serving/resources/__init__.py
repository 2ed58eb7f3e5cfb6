"""One Flask-RESTful resource for each model: JSON in, a call of the model, a dict out."""
