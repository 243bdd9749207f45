"""Makes training scenes for the plate locator: real pictures with plates put into them."""
import cv2
import numpy as np

from locate_light import camera, light, look, stamp
from locate_plates import SQUARE, draw_plate, draw_sign, find_fonts

LOOSE = ('us_nyc_crops', 'br_crops', 'eu_crops_1row', 'tn_crops')  # crops cut with a varied margin


class Pools:
    """What scenes are made of: pictures by folder, plates with quads, texts, noise."""

    def __init__(self, cache, data, test=False, drawn=1500, seed=1, snaps=None, mined=()):
        rng = np.random.default_rng(seed)
        fonts = find_fonts(data)
        self.pictures = {}
        for pic in cache['pictures']:
            if pic['test'] != test:
                continue
            pic['levels'] = [pic['grey']]
            while min(pic['levels'][-1].shape) > 160:
                pic['levels'].append(cv2.pyrDown(pic['levels'][-1]))
            self.pictures.setdefault(pic['set'], []).append(pic)
        self.plates = {}
        for crop in cache['crops']:
            quad = crop['quad']
            if snaps and crop['set'] in LOOSE:
                quad = snaps.get((crop['set'], crop['name']))
            if crop['test'] == test and quad is not None:
                self.plates.setdefault(crop['set'], []).append((crop['grey'], quad))
        self.plates['drawn'] = []
        for _ in range(drawn):
            plate = draw_plate(rng, fonts)
            self.plates['drawn'].append((plate, SQUARE * np.float32(plate.shape[::-1])))
        self.signs = [draw_sign(rng, fonts) for _ in range(300 if drawn > 100 else 20)]
        noise = rng.normal(0, 1, (1024, 1024)).astype(np.float32)
        self.noise = np.clip(noise, -4, 4)
        coarse = cv2.resize(rng.normal(0, 1, (512, 512)).astype(np.float32), (1024, 1024))
        self.coarse = coarse / coarse.std()
        self.mined = []  # (picture, quad of a false alarm)
        named = {(p['set'], p['name']): p for pool in self.pictures.values() for p in pool}
        for key, quad, plate in mined:
            if key in named:
                if plate:  # an unlabelled plate: neither wanted nor held against the network
                    named[key].setdefault('ignored', []).append(quad)
                else:
                    self.mined.append((named[key], quad))


def edge_fill(img, x0, y0, x1, y1):
    """Fills a rectangle from its four edges, as if what stood there had been taken off."""
    h, w = y1 - y0, x1 - x0
    roi = img[y0:y1, x0:x1]
    if h < 4 or w < 4:
        return
    blur = cv2.blur(img[max(0, y0 - 2) : y1 + 2, max(0, x0 - 2) : x1 + 2], (3, 3)).astype(
        np.float32
    )
    tx = np.linspace(0, 1, w, dtype=np.float32)[None, :]
    ty = np.linspace(0, 1, h, dtype=np.float32)[:, None]
    top, bottom = blur[0, :w][None, :], blur[-1, :w][None, :]
    left, right = blur[:h, 0][:, None], blur[:h, -1][:, None]
    fx, fy = left * (1 - tx) + right * tx, top * (1 - ty) + bottom * ty
    near_x, near_y = np.minimum(tx, 1 - tx) + 0.02, np.minimum(ty, 1 - ty) + 0.02
    roi[...] = (fx * near_y + fy * near_x) / (near_x + near_y)


def warp_into(img, source, quad_from, quad_to, look, coarse):
    """Warps quad_from of source onto quad_to of img (float32, in place), lit as look says."""
    h, w = img.shape
    x0, y0 = np.floor(quad_to.min(0)).astype(int) - 3
    x1, y1 = np.ceil(quad_to.max(0)).astype(int) + 4
    if x1 <= 2 or y1 <= 2 or x0 >= w - 2 or y0 >= h - 2 or (x1 - x0) * (y1 - y0) > 4 * h * w:
        return
    side = max(np.linalg.norm(quad_to[1] - quad_to[0]), np.linalg.norm(quad_to[2] - quad_to[3]))
    have = np.linalg.norm(quad_from[1] - quad_from[0])
    shrink = side / have
    if shrink < 0.7:
        small = cv2.resize(source, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        quad_from = quad_from * np.float32(
            [small.shape[1] / source.shape[1], small.shape[0] / source.shape[0]]
        )
        source = small
    move = np.float32([x0, y0])
    matrix = cv2.getPerspectiveTransform(
        quad_from.astype(np.float32), (quad_to - move).astype(np.float32)
    )
    size = (int(x1 - x0), int(y1 - y0))
    plate = cv2.warpPerspective(
        source, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    ).astype(np.float32)
    mask = np.zeros((size[1], size[0]), np.uint8)
    cv2.fillConvexPoly(mask, np.round((quad_to - move) * 16).astype(np.int32), 255, cv2.LINE_AA, 4)
    mask = mask.astype(np.float32) / 255
    plate = plate * look['gain'] + look['lift']
    if look['ramp'] is not None:
        gx, gy, amount = look['ramp']
        ramp = (
            np.linspace(-gx, gx, size[0], dtype=np.float32)[None]
            + np.linspace(-gy, gy, size[1], dtype=np.float32)[:, None]
        )
        if look['hard']:
            ramp = (ramp > look['cut']).astype(np.float32)
        plate *= 1 + amount * ramp
    if look['dirt'] > 0:
        dx, dy = look['at']
        dirt = coarse[dy : dy + 300, dx : dx + 400]
        dirt = cv2.resize(dirt[: size[1] // 2 + 1, : size[0] // 2 + 1], size)
        plate += look['dirt'] * np.maximum(0, dirt)
    if look['blur'] > 0.25:
        plate = cv2.GaussianBlur(plate, (0, 0), look['blur'])
        mask = cv2.GaussianBlur(mask, (0, 0), max(0.3, look['blur'] * 0.7))
    cx0, cy0, cx1, cy1 = max(0, x0), max(0, y0), min(w, x1), min(h, y1)
    part = (slice(cy0 - y0, cy1 - y0), slice(cx0 - x0, cx1 - x0))
    roi = img[cy0:cy1, cx0:cx1]
    roi += mask[part] * (np.clip(plate[part], 0, 255) - roi)


class Scenes:
    """sample(): (grey uint8 SxS, plates, ignored); a plate is (quad, known corners, weight)."""

    WEIGHTS = {
        'cn_easypr': 2.2,
        'cn_ccpd_corners': 1.0,
        'in_nl_cars': 2.0,
        'kaggle_cars': 1.4,
        'misc_images': 1.2,
        'ro_dashcam': 1.6,
        'tn_cars': 1.2,
        'es_streets': 0.2,
        'openimages_lp': 1.2,
        'roboflow_plates': 1.6,
        'negatives': 3.0,
    }
    PLATES = {
        'us_state_crops': 3.5,
        'us_nyc_crops': 1.0,
        'br_crops': 1.6,
        'eu_crops_1row': 2.2,
        'eu_crops_2row': 1.2,
        'tn_crops': 0.3,
        'drawn': 3.0,
    }

    def __init__(self, pools, size=384, seed=1, replace=0.65):
        self.pools, self.size, self.replace = pools, size, replace
        self.rng = np.random.default_rng(seed)
        self.sets = [s for s in self.WEIGHTS if pools.pictures.get(s)]
        share = np.array([self.WEIGHTS[s] for s in self.sets])
        self.set_share = share / share.sum()
        self.kinds = [k for k in self.PLATES if pools.plates.get(k)]
        share = np.array([self.PLATES[k] for k in self.kinds])
        self.kind_share = share / share.sum()

    def pick_plate(self):
        kind = self.kinds[self.rng.choice(len(self.kinds), p=self.kind_share)]
        pool = self.pools.plates[kind]
        return pool[self.rng.integers(len(pool))]

    def view(self, pic, focus=None):
        """A random view of a picture: (matrix to the sample, scale, whether boxes get loose)."""
        rng, s = self.rng, self.size
        h, w = pic['grey'].shape
        plates = pic['plates']
        if plates or focus is not None:
            quad = plates[rng.integers(len(plates))][0] if focus is None else focus
            have = max(4.0, np.linalg.norm((quad[1] + quad[2] - quad[0] - quad[3]) / 2))
            want = (
                np.exp(rng.uniform(np.log(22), np.log(0.52 * s)))
                if rng.random() < 0.88
                else rng.uniform(0.5, 1.05) * s
            )
            scale = float(np.clip(want / have, 0.5 * s / max(h, w), 2.2))
            centre = quad.mean(0)
            room = 0.5 * min(s * 0.9, want * 1.1)
            spot = rng.uniform(room, s - room, 2) if room < s / 2 else np.full(2, s / 2)
        else:
            scale = float(np.exp(rng.uniform(np.log(0.55), np.log(1.6))) * s / max(h, w))
            centre = np.array([w / 2, h / 2]) + rng.uniform(-0.2, 0.2, 2) * [w, h]
            spot = np.full(2, s / 2)
        turn, stretch, skew = 0.0, np.exp(rng.normal(0, 0.06)), 0.0
        if rng.random() < 0.45:
            turn, skew = rng.normal(0, 7), rng.normal(0, 0.07)
        if rng.random() < 0.15:
            stretch *= rng.uniform(0.6, 0.95)  # a side view
            skew += rng.normal(0, 0.15)
        c, n = np.cos(np.radians(turn)), np.sin(np.radians(turn))
        a = (
            np.array([[c, -n], [n, c]])
            @ np.array([[stretch, 0], [skew, 1 / stretch**0.3]])
            * scale
        )
        m = np.eye(3)
        m[:2, :2], m[:2, 2] = a, spot - a @ centre
        if rng.random() < 0.3:
            p = np.eye(3)
            p[2, :2] = rng.normal(0, 0.00035, 2)
            back = np.eye(3)
            back[:2, 2] = s / 2, s / 2
            fore = np.eye(3)
            fore[:2, 2] = -s / 2, -s / 2
            m = back @ p @ fore @ m
        tilted = abs(turn) > 1.5 or abs(skew) > 0.03
        return m, scale, tilted

    def warp(self, pic, m, scale):
        """The picture through m, from the pyramid level that keeps it free of aliasing."""
        level = 0
        while level + 1 < len(pic['levels']) and scale * 2**level < 0.6:
            level += 1
        src = pic['levels'][level]
        m = m @ np.diag(
            [pic['grey'].shape[1] / src.shape[1], pic['grey'].shape[0] / src.shape[0], 1.0]
        )
        mode = (
            cv2.BORDER_REFLECT_101
            if self.rng.random() < 0.5 and not pic['plates']
            else cv2.BORDER_CONSTANT
        )
        fill = 128 if self.rng.random() < 0.7 else int(self.rng.integers(0, 256))
        where = {
            'dsize': (self.size, self.size),
            'flags': cv2.INTER_LINEAR,
            'borderMode': mode,
            'borderValue': fill,
        }
        if not m[2, :2].any():
            return cv2.warpAffine(src, m[:2] / m[2, 2], **where)
        return cv2.warpPerspective(src, m, **where)

    def company(self, img, pic, m):
        """Fills quarters the picture leaves empty with others; returns them with their matrices."""
        rng, s = self.rng, self.size
        h, w = pic['grey'].shape
        corners = cv2.perspectiveTransform(np.float32([[[0, 0], [w, 0], [w, h], [0, h]]]), m)[0]
        lo, hi = corners.min(0), corners.max(0)
        if np.prod(np.minimum(hi, s) - np.maximum(lo, 0)) > 0.55 * s * s or rng.random() < 0.2:
            return []
        added = []
        cut = s // 2
        for x0, y0 in ((0, 0), (cut, 0), (0, cut), (cut, cut)):
            if hi[0] > x0 and lo[0] < x0 + cut and hi[1] > y0 and lo[1] < y0 + cut:
                continue
            pool = self.pools.pictures[self.sets[rng.choice(len(self.sets), p=self.set_share)]]
            other = pool[rng.integers(len(pool))]
            oh, ow = other['grey'].shape
            scale = max(cut / ow, cut / oh) if rng.random() < 0.5 else min(cut / ow, cut / oh)
            level = other['levels'][
                min(len(other['levels']) - 1, max(0, int(np.log2(0.9 / scale))))
            ]
            size = max(4, int(ow * scale)), max(4, int(oh * scale))
            part = cv2.resize(level, size, interpolation=cv2.INTER_LINEAR)[:cut, :cut]
            img[y0 : y0 + part.shape[0], x0 : x0 + part.shape[1]] = part
            move = np.array([[size[0] / ow, 0, x0], [0, size[1] / oh, y0], [0, 0, 1]])
            inside = [
                p
                for p in other['plates']
                if (p[0].mean(0) * [size[0] / ow, size[1] / oh] < cut - 4).all()
            ]
            added.append(({'plates': inside, 'ignored': other.get('ignored', ())}, move))
        return added

    def fit_quad(self, quad, known, aspect):
        """A quad for a plate of this aspect where the old one is, in the old one's perspective."""
        rng = self.rng
        across, down = quad[1] - quad[0], quad[3] - quad[0]
        w, h = np.linalg.norm(across), np.linalg.norm(down)
        new_w = max(w, min(h * aspect, 1.5 * w)) * rng.uniform(0.9, 1.1)
        new_h = new_w / aspect
        if new_h < 0.7 * h:
            new_h, new_w = 0.75 * h, min(1.8 * w, 0.75 * h * aspect)
            new_h = new_w / aspect
        centre = quad.mean(0) + rng.normal(0, 0.03, 2) * [w, h]
        rel = (quad - quad.mean(0)) / 1.0
        out = np.empty((4, 2), np.float32)
        ux, uy = across / w, down / h
        basis = np.stack([ux * new_w / 2, uy * new_h / 2])
        out[:] = centre + np.float32([[-1, -1], [1, -1], [1, 1], [-1, 1]]) @ basis
        if known:  # keep the old quad's departure from a parallelogram
            bend = rel - np.float32([[-1, -1], [1, -1], [1, 1], [-1, 1]]) @ np.stack(
                [ux * w / 2, uy * h / 2]
            )
            out += bend * (new_h / h)
        turn = rng.normal(0, 3) if rng.random() < 0.7 else rng.normal(0, 9)
        yaw = 1.0 if rng.random() < 0.6 else rng.uniform(0.68, 1.0)
        shear = rng.normal(0, 0.03) + (1 - yaw) * rng.choice([-1, 1]) * rng.uniform(0, 0.5)
        taper = (1 - yaw) * rng.choice([-1, 1]) * rng.uniform(0, 0.25)
        c, n = np.cos(np.radians(turn)), np.sin(np.radians(turn))
        local = out - centre
        local = local @ np.array([[yaw, shear], [0, 1]])
        local[[1, 2], 1] *= 1 + taper
        local[[0, 3], 1] *= 1 - taper
        return (local @ np.array([[c, n], [-n, c]]) + centre).astype(np.float32)

    def erase(self, img, quad):
        x0, y0 = np.maximum(0, quad.min(0)).astype(int)
        x1, y1 = np.minimum(self.size, quad.max(0) + 1).astype(int)
        gx, gy = (x1 - x0) * 0.1 + 2, (y1 - y0) * 0.14 + 2
        edge_fill(
            img,
            max(0, int(x0 - gx)),
            max(0, int(y0 - gy)),
            min(self.size, int(x1 + gx)),
            min(self.size, int(y1 + gy)),
        )

    def paste(self, img, quad, old=None):
        """Puts a plate from the pools on quad; old is the quad whose plate it hides."""
        rng = self.rng
        plate, inner = self.chosen
        old_mean = old_std = None
        if old is not None:
            x0, y0 = np.maximum(0, old.min(0)).astype(int)
            x1, y1 = np.minimum(self.size, old.max(0) + 1).astype(int)
            if x1 - x0 > 3 and y1 - y0 > 2:
                roi = img[y0:y1, x0:x1]
                old_mean, old_std = float(roi.mean()), float(roi.std())
                self.erase(img, old)
        lighting = look(plate, rng, old_mean, old_std)
        if rng.random() < 0.4:  # a holder or frame around it
            centre = quad.mean(0)
            grow = 1 + rng.uniform(0.02, 0.12, 2) * [1, 2]
            holder = ((quad - centre) * grow + centre + rng.normal(0, 0.5, 2)).astype(np.float32)
            shade = rng.uniform(0, 70) if rng.random() < 0.65 else rng.uniform(120, 240)
            cv2.fillConvexPoly(
                img, np.round(holder * 16).astype(np.int32), float(shade), cv2.LINE_AA, 4
            )
        warp_into(img, plate, inner, quad, lighting, self.pools.coarse)
        if rng.random() < 0.08:  # a hitch, a bolt, mud: something in front of it
            at = (
                quad.mean(0)
                + rng.uniform(-0.5, 0.5) * (quad[1] - quad[0])
                + rng.uniform(-0.5, 0.5) * (quad[3] - quad[0])
            )
            r = np.linalg.norm(quad[3] - quad[0]) * rng.uniform(0.08, 0.3)
            cv2.ellipse(
                img,
                (int(at[0]), int(at[1])),
                (int(r) + 1, int(r * rng.uniform(0.5, 2)) + 1),
                float(rng.uniform(0, 180)),
                0,
                360,
                float(rng.uniform(0, 255)),
                -1,
                cv2.LINE_AA,
            )

    def free_quad(self, taken):
        """A quad at a free place for a plate of its own; None where none was found."""
        rng, s = self.rng, self.size
        plate, inner = self.chosen
        aspect = np.linalg.norm(inner[1] - inner[0]) / np.linalg.norm(inner[3] - inner[0])
        for _ in range(4):
            w = np.exp(rng.uniform(np.log(22), np.log(0.6 * s)))
            h = w / aspect
            x, y = rng.uniform(w * 0.55, max(w * 0.56, s - w * 0.55)), rng.uniform(
                h * 0.6, s - h * 0.6
            )
            quad = np.float32(
                [
                    [x - w / 2, y - h / 2],
                    [x + w / 2, y - h / 2],
                    [x + w / 2, y + h / 2],
                    [x - w / 2, y + h / 2],
                ]
            )
            quad = self.fit_quad(quad, False, aspect)
            lo, hi = quad.min(0) - 6, quad.max(0) + 6
            if all((hi < t.min(0)).any() or (lo > t.max(0)).any() for t in taken):
                return quad
        return None

    def lettering(self, img, taken):
        """Texts that are no plates, kept off the plates."""
        rng, s = self.rng, self.size
        for _ in range(rng.integers(1, 4)):
            ink, board = self.pools.signs[rng.integers(len(self.pools.signs))]
            high = np.exp(rng.uniform(np.log(8), np.log(70)))
            w, h = high * ink.shape[1] / ink.shape[0], high
            x, y = rng.uniform(-w * 0.2, s - w * 0.5), rng.uniform(0, s - h)
            quad = SQUARE * np.float32([w, h]) + np.float32([x, y])
            turn = np.radians(rng.normal(0, 5))
            c, n = np.cos(turn), np.sin(turn)
            quad = ((quad - quad[0]) @ np.array([[c, n], [-n, c]]) + quad[0]).astype(np.float32)
            lo, hi = quad.min(0) - 2, quad.max(0) + 2
            if any((hi > t.min(0)).all() and (lo < t.max(0)).all() for t in taken) or w > 3 * s:
                continue
            shade = rng.uniform(0, 255)
            if board:
                cv2.fillConvexPoly(
                    img,
                    np.round(quad * 16).astype(np.int32),
                    (shade + rng.uniform(90, 160)) % 256,
                    cv2.LINE_AA,
                    4,
                )
            x0, y0 = np.maximum(0, lo).astype(int)
            x1, y1 = np.minimum(s, hi + 1).astype(int)
            if x1 - x0 < 3 or y1 - y0 < 3:
                continue
            small = cv2.resize(
                ink, None, fx=h / ink.shape[0], fy=h / ink.shape[0], interpolation=cv2.INTER_AREA
            )
            m = cv2.getPerspectiveTransform(
                SQUARE * np.float32(small.shape[::-1]), quad - np.float32([x0, y0])
            )
            alpha = (
                cv2.warpPerspective(small, m, (int(x1 - x0), int(y1 - y0))).astype(np.float32) / 255
            )
            roi = img[y0:y1, x0:x1]
            roi += alpha * (shade - roi)

    def visible(self, quad):
        lo, hi = quad.min(0), quad.max(0)
        cut = np.minimum(hi, self.size) - np.maximum(lo, 0)
        return float(np.prod(np.maximum(0, cut)) / max(1e-6, np.prod(hi - lo)))

    def place(self, img, pic, m, tilted):
        """Carries the picture's plates into the sample, some replaced; (plates, ignored)."""
        rng = self.rng
        plates, ignored = [], []
        for quad in pic.get('ignored', ()):
            ignored.append(cv2.perspectiveTransform(quad[None], m)[0].astype(np.float32))
        swap = rng.random() < self.replace or tilted
        for quad, known, weight in pic['plates']:
            seen = cv2.perspectiveTransform(quad[None], m)[0].astype(np.float32)
            part = self.visible(seen)
            if part <= 0:
                continue
            width = np.linalg.norm(seen[1] - seen[0])
            if part < 0.7 or width < 14:
                ignored.append(seen)
                continue
            if rng.random() < 0.05 and part >= 1:
                self.erase(img, seen)  # a vehicle without a plate
                continue
            if swap and (not tilted or not known or rng.random() < 0.6):
                self.chosen = self.pick_plate()
                inner = self.chosen[1]
                aspect = np.linalg.norm(inner[1] - inner[0]) / np.linalg.norm(inner[3] - inner[0])
                new = self.fit_quad(seen, known, aspect)
                if self.visible(new) > 0.9:
                    self.paste(img, new, seen)
                    plates.append((new, True, 1.0))
                    continue
            if tilted and not known:
                plates.append((seen, False, 0.0))  # its box is no longer tight: centre only
            else:
                plates.append((seen, known, weight))
        return plates, ignored

    def sample(self):
        rng = self.rng
        folder = self.sets[rng.choice(len(self.sets), p=self.set_share)]
        pool = self.pools.pictures[folder]
        pic, focus = pool[rng.integers(len(pool))], None
        if self.pools.mined and rng.random() < 0.14:
            pic, focus = self.pools.mined[rng.integers(len(self.pools.mined))]
            folder = pic['set']
        m, scale, tilted = self.view(pic, focus)
        img = self.warp(pic, m, scale)
        more = self.company(img, pic, m)
        img = img.astype(np.float32)
        plates, ignored = self.place(img, pic, m, tilted)
        for other, move in more:
            got = self.place(img, other, move, False)
            plates, ignored = plates + got[0], ignored + got[1]
        taken = [p[0] for p in plates] + ignored
        if rng.random() < 0.3:
            self.lettering(img, taken)
        if rng.random() < (0.45 if folder == 'negatives' else 0.12):
            self.chosen = self.pick_plate()
            quad = self.free_quad(taken)
            if quad is not None and self.visible(quad) > 0.9:
                self.paste(img, quad)
                plates.append((quad, True, 1.0))
                taken.append(quad)
        if rng.random() < 0.15:
            stamp(img, taken, rng)
        if rng.random() < 0.5 and not tilted:
            img, plates, ignored = self.flip(img, plates, ignored)
        light(img, plates, rng)
        return camera(img, self.pools.noise, rng), plates, ignored

    def flip(self, img, plates, ignored):
        """Mirrors three scenes in ten: mirrored letters teach a plate's shape as well."""
        if self.rng.random() < 0.7:
            return img, plates, ignored
        turn = lambda quad: (np.float32([self.size, 0]) + quad * np.float32([-1, 1]))[[1, 0, 3, 2]]
        return (
            np.ascontiguousarray(img[:, ::-1]),
            [(turn(q), k, w) for q, k, w in plates],
            [turn(q) for q in ignored],
        )
