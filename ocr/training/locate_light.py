"""The light, weather, optics and overlays of the plate locator's training scenes."""
import cv2
import numpy as np


def look(plate, rng, old_mean=None, old_std=None):
    """Lighting for a pasted plate: that of the one it replaces, or anything from dim to glaring."""
    mean, std = float(plate.mean()), float(plate.std()) + 8
    if old_mean is not None and rng.random() < 0.6:
        gain = np.clip((old_std + 6) / std, 0.25, 1.6) * rng.uniform(0.8, 1.25)
        lift = old_mean + rng.normal(0, 14) - gain * mean
    else:
        gain = rng.uniform(0.3, 1.1)
        lift = rng.uniform(0, 255 - 215 * gain) - 5
    ramp = None
    if rng.random() < 0.35:
        angle = rng.uniform(0, 2 * np.pi)
        ramp = (np.cos(angle), np.sin(angle), rng.choice([-1, 1]) * rng.uniform(0.1, 0.5))
    return {
        'gain': gain,
        'lift': lift,
        'ramp': ramp,
        'hard': rng.random() < 0.5,
        'cut': rng.uniform(-0.6, 0.6),
        'dirt': rng.uniform(5, 50) if rng.random() < 0.12 else 0,
        'at': rng.integers(0, 600, 2),
        'blur': rng.choice([0, 0.4, 0.6, 0.9, 1.3], p=[0.3, 0.25, 0.2, 0.15, 0.1]),
    }


def stamp(img, taken, rng):
    """A date or camera name burnt into the picture."""
    s = img.shape[0]
    text = str(
        rng.choice(
            [
                '%04d-%02d-%02d %02d:%02d:%02d',
                '%04d/%02d/%02d %02d.%02d',
                'CAM%04d %02d.%02d',
                'LANE %04d %02d:%02d',
            ]
        )
    )
    text = text % tuple(rng.integers(10, 60, text.count('%')))
    size = rng.uniform(0.28, 0.8)
    (w, h), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, 1)
    x, y = int(rng.uniform(2, max(3, s - w))), int(rng.choice([h + 4, s - 6, rng.uniform(h, s)]))
    box = np.array([[x, y - h - 3], [x + w, y + 3]])
    if any((box[1] > t.min(0)).all() and (box[0] < t.max(0)).all() for t in taken):
        return
    if rng.random() < 0.4:
        cv2.rectangle(
            img, (x - 3, y - h - 4), (x + w + 3, y + 5), float(rng.choice([0, 40, 255])), -1
        )
    cv2.putText(
        img,
        text,
        (x, y),
        int(rng.choice([0, 2, 3])),
        size,
        float(rng.choice([255, 230, 20])),
        int(rng.integers(1, 3)),
        cv2.LINE_AA,
    )


def light(img, plates, rng):
    """Day, dusk, night, infrared, glare, haze: the light of the whole scene."""
    s = img.shape[0]
    kind = rng.random()
    if kind < 0.16:  # night; plates stay bright where the lamp is beside the camera
        dim = rng.uniform(0.08, 0.5)
        keep = np.full((s, s), dim, np.float32)
        if rng.random() < 0.6:
            glow = rng.uniform(dim, 1.0)
            for quad, _, _ in plates:
                cv2.fillConvexPoly(keep, np.round(quad * 16).astype(np.int32), glow, cv2.LINE_AA, 4)
            keep = cv2.GaussianBlur(keep, (0, 0), 0.8)
        img *= keep
        img += rng.uniform(0, 25)
    elif kind < 0.26:
        img *= rng.uniform(0.3, 0.8)
        img += rng.uniform(20, 130)
    elif kind < 0.36:
        img *= rng.uniform(1.1, 1.7)
        img -= rng.uniform(0, 40)
    elif kind < 0.6:
        table = 255 * np.linspace(0, 1, 256) ** rng.uniform(0.5, 2.0)
        img[...] = cv2.LUT(cv2.convertScaleAbs(np.maximum(img, 0)), table.astype(np.float32))
    if rng.random() < 0.12:
        grid = np.arange(s, dtype=np.float32)
        for _ in range(rng.integers(1, 4)):
            if plates and rng.random() < 0.6:
                quad = plates[rng.integers(len(plates))][0]
                w = np.ptp(quad[:, 0])
                cx, cy = quad.mean(0) + [
                    rng.choice([-1, 1]) * w * rng.uniform(0.7, 1.8),
                    rng.normal(0, 0.3) * w,
                ]
            else:
                cx, cy = rng.uniform(0, s, 2)
            r = np.exp(rng.uniform(np.log(5), np.log(45)))
            img += (
                rng.uniform(80, 330)
                * np.exp(-(((grid - cy) / r) ** 2))[:, None]
                * np.exp(-(((grid - cx) / r) ** 2))[None]
            )
    if rng.random() < 0.15:
        shade = np.linspace(rng.uniform(0.5, 1.3), rng.uniform(0.5, 1.3), s, dtype=np.float32)
        img *= shade[None] if rng.random() < 0.5 else shade[:, None]


def camera(img, noise, rng):
    """Weather, optics, sensor and JPEG."""
    s = img.shape[0]
    if rng.random() < 0.06:
        for _ in range(rng.integers(30, 200)):  # rain or snow
            x, y = rng.integers(0, s, 2)
            dx, dy = rng.integers(-2, 3), rng.integers(0, 12)
            cv2.line(
                img,
                (int(x), int(y)),
                (int(x + dx), int(y + dy)),
                float(rng.uniform(120, 255)),
                1,
                cv2.LINE_AA,
            )
    pick = rng.random()
    if pick < 0.25:
        img = cv2.GaussianBlur(img, (0, 0), rng.uniform(0.4, 1.4))
    elif pick < 0.33:
        length = int(rng.integers(2, 8))
        kernel = np.full((1, length), 1 / length, np.float32)
        img = cv2.filter2D(img, -1, kernel if rng.random() < 0.6 else kernel.T)
    elif pick < 0.43:
        img += rng.uniform(0.3, 1.2) * (img - cv2.GaussianBlur(img, (0, 0), 1.0))
    if rng.random() < 0.5:
        x, y = rng.integers(0, 1024 - s, 2)
        img += float(np.exp(rng.uniform(np.log(1), np.log(14)))) * noise[y : y + s, x : x + s]
    img = cv2.convertScaleAbs(np.maximum(img, 0))
    if rng.random() < 0.25:
        _, data = cv2.imencode('.jpg', img, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 90))])
        img = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
    return img
