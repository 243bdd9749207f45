"""What camera and detector do to a plate: geometry, light, blur, distance, noise, JPEG."""
import cv2
import numpy as np

from reader_net import HEIGHT, MARGIN_X, MARGIN_Y, WIDTH

UNIT = np.float32([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
NOISE = np.random.default_rng(1).standard_normal((257, 401), dtype=np.float32)  # a bank to cut from
BORDERS = (cv2.BORDER_REPLICATE, cv2.BORDER_CONSTANT, cv2.BORDER_TRANSPARENT)


def at(quad, points):
    """Points of the plate's own unit square (centre 0,0) mapped into the picture."""
    m = cv2.getPerspectiveTransform(UNIT, np.float32(quad))
    return cv2.perspectiveTransform(np.float32(points)[None], m)[0]


def enlarged(quad):
    """The quad that becomes the network's input: the plate and the margin round it."""
    return at(quad, UNIT * np.float32([1 + 2 * MARGIN_X, 1 + 2 * MARGIN_Y]))


def warped(pixels, quad, size, border=cv2.BORDER_REPLICATE, fill=0, ground=None):
    w, h = size
    to = np.float32([[0, 0], [w, 0], [w, h], [0, h]]) - 0.5
    m = cv2.getPerspectiveTransform(np.float32(quad) - 0.5, to)
    return cv2.warpPerspective(pixels, m, size, ground, cv2.INTER_LINEAR, border, fill)


def bodywork(rng, size):
    """What lies round a plate whose picture ends at its edge: light and dark, an edge or two."""
    cells = rng.normal(rng.uniform(20, 220), rng.uniform(2, 45), rng.integers(2, 7, 2))
    ground = cv2.resize(cells.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    for _ in range(rng.integers(0, 3)):
        y = int(rng.integers(0, size[1]))
        ends = (0, y), (size[0], y + int(rng.integers(-9, 10)))
        cv2.line(ground, *ends, float(rng.uniform(0, 255)), int(rng.integers(1, 9)))
    return np.clip(ground, 0, 255).astype(np.uint8)


def plain(pixels, quad):
    """The input of a plate as the daemon cuts it: no augmentation."""
    return warped(pixels, enlarged(quad), (WIDTH, HEIGHT))


def jittered(rng, quad, strength):
    """The enlarged quad as an imprecise detector of a plate seen askew would give it."""
    wide = 0.5 * (np.linalg.norm(quad[1] - quad[0]) + np.linalg.norm(quad[2] - quad[3]))
    high = max(1.0, 0.5 * (np.linalg.norm(quad[3] - quad[0]) + np.linalg.norm(quad[2] - quad[1])))
    aspect = wide / high
    if rng.random() < 0.12:  # a detector's bad day
        strength = 1.5 * strength
    p = UNIT * np.float32([1 + 2 * MARGIN_X, 1 + 2 * MARGIN_Y])
    grow = np.clip(rng.normal(0.015, [0.055, 0.09]), [-0.06, -0.12], 0.25)
    p = p * (1 + strength * grow).astype(np.float32)
    p = p + (strength * np.clip(rng.normal(0, [0.022, 0.05]), -0.08, 0.08)).astype(np.float32)
    p = p + (strength * rng.normal(0, [0.016, 0.032], (4, 2))).astype(np.float32)
    roll = np.deg2rad(strength * np.clip(rng.normal(0, 2.5), -8, 8))
    shear = strength * rng.normal(0, 0.08)
    x, y = p[:, 0] * aspect, p[:, 1]
    x = x + shear * y
    c, s = np.cos(roll), np.sin(roll)
    p = np.stack([(c * x - s * y) / aspect, s * x + c * y], 1)
    return at(quad, p), aspect


def shaded(rng, x):
    """A shadow edge or a falling-off of light across the plate."""
    h, w = x.shape
    angle, at_ = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.3)
    d = (np.cos(angle) * np.linspace(-1, 1, w, dtype=np.float32)[None]
         + np.sin(angle) * np.linspace(-1, 1, h, dtype=np.float32)[:, None] - at_)
    soft = rng.choice([0.05, 0.3, 1.0])
    return x * (1 - rng.uniform(0.2, 0.7) / (1 + np.exp(-d / soft)).astype(np.float32))


def soiled(rng, x):
    """Blobs of dirt or glare."""
    h, w = x.shape
    small = rng.normal(0, 1, (rng.integers(3, 9), rng.integers(4, 16))).astype(np.float32)
    blobs = np.clip(cv2.resize(small, (w, h), interpolation=cv2.INTER_CUBIC) - 0.7, 0, 0.8)
    tone = rng.uniform(0, 255)
    alpha = blobs * rng.uniform(0.3, 1.0)
    return x * (1 - alpha) + tone * alpha


def lit(rng, x):
    """Contrast, brightness, gamma, night infrared, overexposure."""
    few = np.sort(x[::3, ::3], None)
    lo, hi = few[len(few) // 50], few[-1 - len(few) // 50]
    x = (x - lo) / max(hi - lo, 12.0)
    if rng.random() < 0.5:
        x = np.clip(x, 0, 1) ** np.float32(np.exp(rng.normal(0, 0.35)))
    span = np.clip(rng.normal(0.6, 0.25), 0.1, 1.2)
    base = rng.uniform(0, max(0.02, 1 - span))
    if rng.random() < 0.06:  # light characters on dark: the other jurisdictions' polarity
        x = 1 - x
    x = (base + span * x) * 255
    if rng.random() < 0.06:  # headlamps: clipped whites that bleed
        x = x * rng.uniform(1.2, 2.0)
        x = np.maximum(x, cv2.GaussianBlur(np.clip(x, 0, 255), (0, 0), rng.uniform(0.6, 2.0)))
    return x


def blurred(rng, x):
    h, _ = x.shape
    scale = h / 64.0
    if rng.random() < 0.5:
        return cv2.GaussianBlur(x, (0, 0), scale * rng.uniform(0.4, 1.7) + 0.1)
    n = int(max(3, scale * rng.uniform(3, 8))) | 1
    kernel = np.zeros((n, n), np.float32)
    a = rng.uniform(0, np.pi) if rng.random() < 0.3 else rng.normal(0, 0.15)
    d = np.array([np.cos(a), np.sin(a)]) * (n // 2)
    c = np.array([n // 2, n // 2])
    cv2.line(kernel, tuple(int(v) for v in np.round(c - d)), tuple(int(v) for v in np.round(c + d)),
             1.0)
    return cv2.filter2D(x, -1, kernel / kernel.sum())


def augmented(rng, pixels, quad, strength=1.0):
    """One training input, uint8 [HEIGHT, WIDTH]; `strength` 0..1 scales how hard life is."""
    q, aspect = jittered(rng, quad, strength)
    # Seen from afar: cut at the distance's own resolution, then enlarged like the daemon does.
    far = rng.random() < 0.65
    high = int(np.exp(rng.uniform(np.log(20), np.log(64)))) if far else HEIGHT
    wide = int(np.clip(high * aspect * 0.93, 24, 160)) if far else WIDTH
    span = np.linalg.norm(q[3] - q[0]) / high, np.linalg.norm(q[1] - q[0]) / wide
    if max(span) > 1.3:
        pixels = cv2.GaussianBlur(pixels, (0, 0), sigmaX=max(0.01, 0.4 * (span[1] - 0.6)),
                                  sigmaY=max(0.01, 0.4 * (span[0] - 0.6)))
    border = BORDERS[rng.integers(3)]
    ground = bodywork(rng, (wide, high)) if border == cv2.BORDER_TRANSPARENT else None
    x = warped(pixels, q, (wide, high), border, int(rng.integers(256)), ground).astype(np.float32)
    if rng.random() < 0.25 * strength:
        x = shaded(rng, x)
    if rng.random() < 0.15 * strength:
        x = soiled(rng, x)
    if rng.random() < 0.35 * strength:
        x = blurred(rng, x)
    if rng.random() < 0.85:
        x = lit(rng, x)
    if rng.random() < 0.5:
        i, j = rng.integers(257 - x.shape[0]), rng.integers(401 - x.shape[1])
        x = x + NOISE[i:i + x.shape[0], j:j + x.shape[1]] * np.float32(
            abs(rng.normal(0, 8)) * strength * min(1.0, float(x.std()) / 25))
    x = np.clip(x, 0, 255).astype(np.uint8)
    if rng.random() < 0.4:
        jpeg = cv2.imencode(".jpg", x, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 95))])[1]
        x = cv2.imdecode(jpeg, 0)
    if x.shape != (HEIGHT, WIDTH):
        how = cv2.INTER_LINEAR if rng.random() < 0.8 else cv2.INTER_CUBIC
        x = cv2.resize(x, (WIDTH, HEIGHT), interpolation=how)
    return x
