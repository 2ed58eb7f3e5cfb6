"""Serves a model class of each kind, and the model file of the environment, in the main thread of each worker."""

import json
import os

from .formats import ModelFile
from .resources.main_thread_resource import MainThreadResource
from .serving.route import Route


class PidModel:
    def __init__(self):
        self.pid = os.getpid()

    def predict(self, instances):
        return [self.pid] * len(instances)


class SharedPidModel(PidModel):
    load_before_fork = True


class ThreadsModel:
    def predict(self, instances):
        return [os.environ['OMP_NUM_THREADS']] * len(instances)


ROUTES = (
    Route('/v1/PidModel', MainThreadResource, PidModel),
    Route('/v1/SharedPidModel', MainThreadResource, SharedPidModel),
    Route('/v1/ThreadsModel', MainThreadResource, ThreadsModel),
    Route('/v1/FileModel', MainThreadResource, ModelFile(json.loads(os.environ['FILE_SETTINGS']))),
)
