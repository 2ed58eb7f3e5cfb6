"""When a connection is read: not while many of its requests wait."""

from uvicorn.protocols.http.flow_control import FlowControl

# How many pipelined requests may wait on a connection before reading stops.
MAX_PIPELINED = 16


class BoundedFlowControl(FlowControl):
    """Stops reading while many pipelined requests wait; uvicorn would resume with each body that is read."""

    def __init__(self, transport, pipeline):
        super().__init__(transport)
        self._pipeline = pipeline

    def resume_reading(self):
        if len(self._pipeline) < MAX_PIPELINED:
            super().resume_reading()
