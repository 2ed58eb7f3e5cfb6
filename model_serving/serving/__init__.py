"""What turns a model into an answering servable: routes, batches, deadlines. No Flask, no HTTP."""
