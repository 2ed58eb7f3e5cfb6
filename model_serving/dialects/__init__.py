"""Other protocols for the same models: pure functions from an envelope to instances, and from results to an envelope.

The handler of the model answers each instance, as it does at the model's own URL.
"""
