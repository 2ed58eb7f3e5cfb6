"""Whether a handler can be called without Flask."""

import inspect

import flask_restful

from ..resources.model_resource import ModelResource


def has_direct_post(resource) -> bool:
    """Tell whether `post` of a resource is an async handler that validate_json decorates, and nothing else."""
    post = getattr(resource, 'post', None)
    return (
        post is not None
        and issubclass(resource, ModelResource)
        # By identity: a decorator around `post` copies the attribute, but is another function.
        and getattr(post, 'validated', None) is post
        and post.takes_instance
        and (inspect.iscoroutinefunction(post.handler) or inspect.isasyncgenfunction(post.handler))
        and not isinstance(inspect.getattr_static(resource, 'post'), staticmethod)
        and not (resource.method_decorators or resource.decorators or resource.representations)
        and resource.dispatch_request is flask_restful.Resource.dispatch_request
    )
