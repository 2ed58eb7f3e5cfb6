"""Digits as people draw them with a mouse: lines with jitter, reduced to 8 × 8 as the UCI set was made."""

import numpy as np


def arc(x, y, width, height, start, end, points=14):
    """Return points on an ellipse in degrees, clockwise on the screen, 0 at the right."""
    angles = np.radians(np.linspace(start, end, points))
    return [(x + width / 2 * np.cos(a), y + height / 2 * np.sin(a)) for a in angles]


# For each digit its usual shapes; a shape is a list of strokes, a stroke a list of (x, y) in a unit square, y down.
SHAPES = {
    0: (
        [arc(0.5, 0.5, 0.7, 1, -90, 270, 24)],
        [arc(0.5, 0.5, 0.9, 1, -60, 280, 24)],
        [arc(0.5, 0.5, 0.5, 1, -100, 270, 24)],
        [arc(0.5, 0.5, 0.7, 1, -40, 330, 10)],
    ),
    1: (
        [[(0.5, 0), (0.5, 1)]],
        [[(0.6, 0), (0.4, 1)]],
        [[(0.25, 0.3), (0.55, 0), (0.55, 1)]],
        [[(0.3, 0.2), (0.5, 0), (0.5, 1)], [(0.2, 1), (0.8, 1)]],
        [[(0.15, 0.35), (0.6, 0), (0.55, 1)]],
    ),
    2: (
        [[*arc(0.5, 0.28, 0.75, 0.56, -165, 30), (0.1, 1), (0.9, 1)]],
        [[*arc(0.5, 0.27, 0.7, 0.54, -180, 45), (0.35, 0.85), *arc(0.22, 0.88, 0.24, 0.2, 60, 300, 8), (0.9, 1)]],
        [[(0.1, 0.1), (0.5, 0), (0.85, 0.2), (0.7, 0.5), (0.1, 1), (0.95, 0.95)]],
        [[*arc(0.45, 0.3, 0.8, 0.6, -150, 60), (0.05, 1), (0.5, 0.9), (0.95, 1)]],
    ),
    3: (
        [arc(0.42, 0.25, 0.7, 0.5, -150, 90) + arc(0.42, 0.73, 0.85, 0.54, -90, 150)],
        [[(0.1, 0), (0.85, 0), (0.4, 0.42), *arc(0.42, 0.71, 0.85, 0.58, -80, 150)]],
        [[*arc(0.4, 0.25, 0.8, 0.5, -140, 60), (0.35, 0.5), *arc(0.4, 0.74, 0.9, 0.52, -60, 140)]],
        [[(0.1, 0.08), (0.6, 0), (0.8, 0.22), (0.4, 0.48), (0.85, 0.65), (0.7, 0.95), (0.1, 0.95)]],
    ),
    4: (
        [[(0.3, 0), (0.1, 0.6), (0.9, 0.6)], [(0.7, 0.25), (0.7, 1)]],
        [[(0.7, 0), (0.05, 0.65), (0.95, 0.65)], [(0.7, 0), (0.7, 1)]],
        [[(0.15, 0), (0.15, 0.5), (0.85, 0.5)], [(0.8, 0), (0.8, 1)]],
        [[(0.6, 1), (0.65, 0), (0.05, 0.7), (0.95, 0.68)]],
        [[(0.2, 0.05), (0.15, 0.5), (0.4, 0.55), (0.8, 0.45)], [(0.85, 0), (0.7, 1)]],
    ),
    5: (
        [[(0.85, 0), (0.2, 0), (0.15, 0.42), *arc(0.45, 0.69, 0.85, 0.62, -120, 140)]],
        [[(0.2, 0), (0.15, 0.45), *arc(0.45, 0.7, 0.8, 0.6, -110, 150)], [(0.2, 0), (0.9, 0.02)]],
        [[(0.85, 0.03), (0.35, 0.02), (0.15, 0.3), (0.6, 0.5), (0.85, 0.75), (0.5, 1), (0.1, 0.93)]],
        [[(0.85, 0), (0.2, 0), (0.2, 0.45), (0.8, 0.5), (0.85, 0.9), (0.1, 1)]],
    ),
    6: (
        [[(0.75, 0), (0.35, 0.25), (0.15, 0.65), *arc(0.5, 0.72, 0.7, 0.56, 170, -180, 16)]],
        [[(0.4, 0), (0.15, 0.5), *arc(0.5, 0.72, 0.75, 0.55, 180, -170, 16)]],
        [arc(0.6, 0.5, 0.95, 1, -60, -190) + arc(0.5, 0.73, 0.7, 0.52, 160, -200, 16)],
        [[(0.2, 0), (0.15, 0.75), (0.5, 1), (0.85, 0.8), (0.6, 0.55), (0.2, 0.7)]],
    ),
    7: (
        [[(0.1, 0), (0.9, 0), (0.4, 1)]],
        [[(0.1, 0), (0.9, 0), (0.35, 1)], [(0.3, 0.5), (0.85, 0.5)]],
        [[(0.1, 0.2), (0.1, 0), (0.9, 0.02), (0.45, 1)]],
        [[(0.05, 0.05), (0.9, 0), (0.6, 0.4), (0.5, 1)]],
        [[(0.1, 0.15), (0.5, 0), (0.9, 0.05), (0.5, 1)], [(0.25, 0.55), (0.9, 0.45)]],
    ),
    8: (
        [arc(0.5, 0.24, 0.6, 0.48, 90, 450, 18), arc(0.5, 0.74, 0.75, 0.52, -90, 270, 18)],
        [
            arc(0.5, 0.24, 0.65, 0.48, -20, -270, 12)
            + arc(0.5, 0.74, 0.75, 0.52, -90, 270, 18)
            + arc(0.5, 0.24, 0.65, 0.48, 90, -20, 8)
        ],
        [[(0.8, 0.1), (0.4, 0), (0.2, 0.2), (0.75, 0.7), (0.5, 1), (0.2, 0.75), (0.8, 0.25), (0.75, 0.05)]],
        [arc(0.5, 0.25, 0.75, 0.5, 90, 450, 18), arc(0.5, 0.75, 0.75, 0.5, -90, 270, 18)],
    ),
    9: (
        [[*arc(0.45, 0.28, 0.7, 0.56, 0, -360, 18), (0.8, 0.3), (0.75, 1)]],
        [[*arc(0.45, 0.27, 0.7, 0.54, -10, -350, 18), (0.8, 0.75), (0.6, 1), (0.15, 0.95)]],
        [[*arc(0.45, 0.26, 0.75, 0.52, -30, -330, 18), (0.8, 0.2), (0.7, 0.6), (0.45, 1)]],
        [[(0.8, 0.15), (0.4, 0), (0.15, 0.25), (0.4, 0.5), (0.8, 0.2), (0.8, 1)]],
    ),
}


def draw(digit, random) -> np.ndarray:
    """Return one drawing of `digit` as 8 × 8 numbers from 0 to 16, made by the generator `random`."""
    shape = SHAPES[digit][random.integers(len(SHAPES[digit]))]
    rounded = random.random() < 0.6
    strokes = [_jittered(np.array(stroke), rounded, random) for stroke in shape]
    turn, slant = random.normal(0, 0.12), random.normal(0, 0.15)
    width = random.uniform(0.55, 1.25) if digit != 1 else random.uniform(0.4, 1.2)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    matrix = matrix @ np.array([[width, slant], [0, 1]])
    return reduced([stroke @ matrix.T for stroke in strokes], random.uniform(0.06, 0.2), random)


def reduced(strokes, thickness, random=None) -> np.ndarray:
    """Return strokes as 8 × 8 numbers from 0 to 16: cropped, centred, a 32 × 32 bitmap, the ink of its 4 × 4 blocks.

    `strokes` are arrays (n, 2) of points, `thickness` is the pen's in their unit. With `random` the crop is not exact.
    """
    points = np.concatenate(strokes)
    low, high = points.min(axis=0) - thickness / 2, points.max(axis=0) + thickness / 2
    scale = 32 / (high - low).max()
    offset = 16 - scale * (low + high) / 2
    if random is not None:
        scale_error = random.uniform(0.9, 1.03)
        scale, offset = scale * scale_error, 16 + (offset - 16) * scale_error + random.normal(0, 0.7, 2)
    centres = np.stack(np.meshgrid(np.arange(32), np.arange(32)), axis=-1).reshape(-1, 1, 2) + 0.5
    starts = np.concatenate([stroke[:-1] for stroke in strokes]) * scale + offset
    ends = np.concatenate([stroke[1:] for stroke in strokes]) * scale + offset
    along = ends - starts
    # The nearest place on each segment, from 0 at its start to 1 at its end.
    place = np.clip(((centres - starts) * along).sum(-1) / np.maximum((along**2).sum(-1), 1e-9), 0, 1)
    distance = np.linalg.norm(centres - starts - place[..., None] * along, axis=-1).min(axis=1)
    bitmap = (distance <= thickness * scale / 2).reshape(8, 4, 8, 4)
    return bitmap.sum(axis=(1, 3)).astype(np.float32)


def _jittered(points, rounded, random):
    """Return the points, moved a little (a little less where they are many) and perhaps joined by a smooth curve."""
    moved = points + random.normal(0, 0.05 if len(points) < 10 else 0.015, points.shape)
    if not rounded or len(points) < 3:
        return moved
    # Catmull and Rom's curve goes through its points.
    padded = np.concatenate([moved[:1], moved, moved[-1:]])
    t = np.linspace(0, 1, 4, endpoint=False)[:, None]
    curves = [
        b + t / 2 * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
        for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False)
    ]
    return np.concatenate([*curves, moved[-1:]])
