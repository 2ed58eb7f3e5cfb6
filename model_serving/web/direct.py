"""Whether a handler can be called without the request that Flask-RESTful would give it."""

import inspect

import flask_restful

from ..resources.model_resource import ModelResource


def has_own_post(resource) -> bool:
    """Tell whether `post` of a resource takes `instance` from validate_json, and nothing else is wrapped around it."""
    post = getattr(resource, 'post', None)
    return (
        post is not None
        and issubclass(resource, ModelResource)
        # By identity: a decorator around `post` copies the attribute, but is another function.
        and getattr(post, 'validated', None) is post
        and post.takes_instance
        and not isinstance(inspect.getattr_static(resource, 'post'), staticmethod)
        and not (resource.method_decorators or resource.decorators or resource.representations)
        and resource.dispatch_request is flask_restful.Resource.dispatch_request
    )


def has_async_post(resource) -> bool:
    """Tell whether such a `post` is `async def`, so that the event loop can call it."""
    handler = resource.post.handler if has_own_post(resource) else None
    return inspect.iscoroutinefunction(handler) or inspect.isasyncgenfunction(handler)
