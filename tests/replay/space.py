"""The lane's camera, and laying flat textures into its picture in perspective."""
import cv2
import numpy as np

from plates import cloud

WIDTH, HEIGHT, SUPER = 1280, 720, 2
FOCAL = 1500.0
EYE = np.array([-1.05, 1.75, 0.0])
LOOK = np.array([0.1, 0.62, 5.0])


class Camera:
    def __init__(self):
        z = LOOK - EYE
        z /= np.linalg.norm(z)
        x = np.cross([0, 1, 0], z)
        x /= np.linalg.norm(x)
        self.rotation = np.stack([x, -np.cross(z, x), z])

    def project(self, points):
        p = (np.asarray(points, float) - EYE) @ self.rotation.T
        depth = np.maximum(p[:, 2:3], 0.05)
        return (FOCAL * p[:, :2] / depth + [WIDTH / 2, HEIGHT / 2]) * SUPER


def draw_quad(picture, camera, texture, corners):
    """Lays an RGBA texture on a quadrilateral in space: corners from the top left, clockwise."""
    seen = camera.project(corners).astype(np.float32)
    height, width = texture.shape[:2]
    size = max(np.linalg.norm(seen[1] - seen[0]), np.linalg.norm(seen[2] - seen[3]), 1)
    shrink = min(1.0, 1.3 * size / width)
    if shrink < 0.9:  # a smaller copy first, or fine detail would flicker
        texture = cv2.resize(texture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        height, width = texture.shape[:2]
    h = cv2.getPerspectiveTransform(
        np.float32([[0, 0], [width, 0], [width, height], [0, height]]), seen
    )
    low = np.maximum(np.floor(seen.min(0)).astype(int) - 2, 0)
    high = np.minimum(np.ceil(seen.max(0)).astype(int) + 2, [WIDTH * SUPER, HEIGHT * SUPER])
    if (high <= low).any():
        return
    shift = np.array([[1, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1]], float)
    layer = texture.astype(np.float32)
    if texture.shape[2] == 4:
        alpha = layer[..., 3:] / 255
    else:
        alpha = np.ones_like(layer[..., :1])
    layer = np.dstack([layer[..., :3] * alpha, alpha])
    layer = cv2.warpPerspective(
        layer, shift @ h, tuple(int(v) for v in high - low), flags=cv2.INTER_LINEAR
    )
    part = picture[low[1] : high[1], low[0] : high[0]]
    part *= 1 - layer[..., 3:]
    part += layer[..., :3]


def flat(width, height, colour, rng, roughness=0.05, spots=40):
    picture = np.full((height, width, 3), colour, np.float32)
    picture *= (1 + roughness * cloud(rng, picture.shape, spots, 5))[..., None]
    return picture


def box(x0, x1, y0, y1, z):
    return [(x0, y1, z), (x1, y1, z), (x1, y0, z), (x0, y0, z)]
