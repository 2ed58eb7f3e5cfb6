"""ONNX models on an NVIDIA GPU."""

import onnxruntime

from ..serving.errors import StartError

CUDA = 'CUDAExecutionProvider'
INSTALL = (
    'Install the one for GPUs: .venv/bin/pip uninstall --yes onnxruntime; '
    '.venv/bin/pip install "onnxruntime-gpu[cuda,cudnn]==1.31.1"'
)


def gpu_session(path, options, device: str):
    """Return a session on `device`, such as `cuda:1`; raises StartError with the fix if it can't run there.

    onnxruntime itself would only print a warning and use the CPU.
    """
    if CUDA not in onnxruntime.get_available_providers():
        raise StartError(f'device = {device}: this onnxruntime is for the CPU. {INSTALL}')
    # Finds the libraries that pip has installed.
    onnxruntime.preload_dlls()
    number = device.partition(':')[2] or '0'
    session = onnxruntime.InferenceSession(path, options, providers=[(CUDA, {'device_id': number})])
    if session.get_providers()[0] != CUDA:
        raise StartError(
            f'device = {device}: onnxruntime could not use it; the log has its reason. '
            f'nvidia-smi must list GPU {number}. {INSTALL}'
        )
    return session
