"""The plate locator's network, its targets and losses, and the decoding of its map into plates."""
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

STRIDE = 8
UNIT = 32.0  # corner offsets are in units of this many pixels
MULTIPLE = 32


def conv(cin, cout, kernel=3, stride=1, pad=None, dilation=1):
    pad = dilation * (kernel // 2) if pad is None else pad
    return nn.Sequential(
        nn.Conv2d(cin, cout, kernel, stride, pad, dilation, bias=False),
        nn.BatchNorm2d(cout),
        nn.ReLU(inplace=True),
    )


class Net(nn.Module):
    """Grey 0..1 [N,1,H,W] -> [N,9,H/8,W/8]: score logit, eight offsets from the cell's centre."""

    def __init__(self, stem=16, c8=24, c16=40, c32=48, head=24):
        super().__init__()
        self.stem = conv(1, stem, 6, 4, 1)
        self.down8 = conv(stem, c8, stride=2)
        self.down16 = conv(c8, c16, stride=2)
        self.body16 = conv(c16, c16)
        self.down32 = conv(c16, c32, stride=2)
        self.body32 = nn.ModuleList([conv(c32, c32, dilation=d) for d in (1, 2, 4)])
        # transposed convolutions: each of the finer cells must know where in the coarse one it lies
        self.from32 = nn.ConvTranspose2d(c32, c16, 2, 2)
        self.merge16 = conv(c16, c16)
        self.from16 = nn.ConvTranspose2d(c16, c8, 2, 2)
        self.head = conv(c8, head)
        self.out = nn.Conv2d(head, 9, 1)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, nonlinearity='relu')
        nn.init.normal_(self.out.weight, 0, 0.02)
        with torch.no_grad():
            self.out.bias.copy_(torch.tensor([-5.0] + [-1.0, -0.4, 1.0, -0.4, 1.0, 0.4, -1.0, 0.4]))

    def forward(self, x):
        at8 = self.down8(self.stem(x))
        at16 = self.down16(at8)
        at16 = at16 + self.body16(at16)
        at32 = self.down32(at16)
        for body in self.body32:
            at32 = at32 + body(at32)
        at16 = self.merge16(F.relu(at16 + self.from32(at32)))
        at8 = F.relu(at8 + self.from16(at16))
        return self.out(self.head(at8))


def targets(samples, size):
    """Of a batch of (plates, ignored): heat [N,h,w], care [N,h,w], rows of cells with corners."""
    cells = size // STRIDE
    grid = (np.arange(cells, dtype=np.float32) + 0.5) * STRIDE
    heat = np.zeros((len(samples), cells, cells), np.float32)
    care = np.ones_like(heat)
    rows = []  # sample, y, x, weight, known, quad (8)
    for n, (plates, ignored) in enumerate(samples):
        for quad in ignored:
            lo, hi = np.floor(quad.min(0) / STRIDE - 0.5).astype(int), np.ceil(
                quad.max(0) / STRIDE + 0.5
            ).astype(int)
            care[n, max(0, lo[1]) : max(0, hi[1]), max(0, lo[0]) : max(0, hi[0])] = 0
        for quad, known, weight in plates:
            centre = quad.mean(0)
            across, down = (quad[1] + quad[2] - quad[0] - quad[3]) / 2, (
                quad[2] + quad[3] - quad[0] - quad[1]
            ) / 2
            w, h = np.linalg.norm(across), np.linalg.norm(down)
            sw, sh = max(0.22 * w, 4.5), max(0.22 * h, 4.5)
            dx, dy = grid[None, :] - centre[0], grid[:, None] - centre[1]
            u = (dx * across[0] + dy * across[1]) / max(w, 1e-3) / sw
            v = (dx * down[0] + dy * down[1]) / max(h, 1e-3) / sh
            g = np.exp(-0.5 * (u * u + v * v))
            cx, cy = (np.clip(centre / STRIDE, 0, cells - 1)).astype(int)
            core = (np.abs(u) < 0.7) & (np.abs(v) < 0.7)
            g[core] = 1.0
            g[cy, cx] = 1.0
            care[n][g >= 1] = 1 / (g >= 1).sum()  # a plate counts once, however many cells it has
            better = g > heat[n]
            heat[n][better] = g[better]
            near = care[n]
            near[(g > 0.1) & (near == 0)] = 1
            ys, xs = np.nonzero(g > 0.3)
            if weight > 0 and len(ys):
                if len(ys) > 40:
                    keep = np.argsort(-g[ys, xs])[:40]
                    ys, xs = ys[keep], xs[keep]
                part = g[ys, xs] / g[ys, xs].sum() * weight
                rows.append(
                    np.concatenate(
                        [
                            np.full((len(ys), 1), n),
                            ys[:, None],
                            xs[:, None],
                            part[:, None],
                            np.full((len(ys), 1), known),
                            np.repeat(quad.reshape(1, 8), len(ys), 0),
                        ],
                        1,
                    )
                )
    rows = np.concatenate(rows).astype(np.float32) if rows else np.zeros((0, 13), np.float32)
    return torch.from_numpy(heat), torch.from_numpy(care), torch.from_numpy(rows)


def score_loss(logit, heat, care, plates):
    p = torch.sigmoid(logit).clamp(1e-5, 1 - 1e-5)
    hit = (heat >= 1).float()
    pos = -((1 - p) ** 2) * torch.log(p) * hit
    neg = -((1 - heat) ** 4) * p**2 * torch.log(1 - p) * (1 - hit)
    return ((care * neg).sum() + (care * pos).sum()) / plates


def box_of(quads):
    x, y = quads[:, 0::2], quads[:, 1::2]
    return torch.stack([x.amin(1), y.amin(1), x.amax(1), y.amax(1)], 1)


def box_iou(a, b):
    inter = (
        (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0).prod(1)
    )
    area = lambda t: (t[:, 2:] - t[:, :2]).clamp(min=0).prod(1)
    return inter / (area(a) + area(b) - inter).clamp(min=1e-3)


def corner_loss(out, rows):
    """Corners in parts of the plate's size; of a box its sides, and weakly its corners."""
    if not len(rows):
        return out.sum() * 0, 0.0
    n, y, x = rows[:, 0].long(), rows[:, 1].long(), rows[:, 2].long()
    weight, known, quad = rows[:, 3], rows[:, 4], rows[:, 5:]
    centre = torch.stack([(x + 0.5) * STRIDE, (y + 0.5) * STRIDE], 1).repeat(1, 4)
    got = out[n, 1:, y, x] * UNIT + centre
    truth, box = box_of(quad), box_of(got)
    size = (truth[:, 2:] - truth[:, :2]).prod(1).clamp(min=16).sqrt()[:, None]
    slack = lambda d: F.smooth_l1_loss(d, torch.zeros_like(d), beta=0.03, reduction='none').mean(1)
    corners = slack((got - quad) / size)
    sides = slack((box - truth) / size) + 0.15 * corners
    iou = 1 - box_iou(box, truth)
    each = torch.where(known > 0, corners, sides) * 6 + 0.5 * iou
    total = weight.sum().clamp(min=1)
    return (each * weight).sum() / total, float((iou * weight).sum() / total)


def decode(out, threshold, nms_iou=0.3, average=True):
    """Map [9,h,w] -> [(score, quad 4x2 in the network's pixels)], best first, after NMS."""
    score = 1 / (1 + np.exp(-out[0]))
    h, w = score.shape
    padded = np.pad(score, 1, constant_values=-1)
    peak = np.ones_like(score, bool)
    for dy in range(3):
        for dx in range(3):
            peak &= score >= padded[dy : dy + h, dx : dx + w]
    found = []
    for y, x in zip(*np.nonzero(peak & (score > threshold))):
        y0, y1, x0, x1 = (
            (max(0, y - 1), min(h, y + 2), max(0, x - 1), min(w, x + 2))
            if average
            else (y, y + 1, x, x + 1)
        )
        ys, xs = np.mgrid[y0:y1, x0:x1]
        corners = out[1:, y0:y1, x0:x1] * UNIT
        corners[0::2] += (xs + 0.5) * STRIDE
        corners[1::2] += (ys + 0.5) * STRIDE
        part = score[y0:y1, x0:x1] * (score[y0:y1, x0:x1] >= 0.5 * score[y, x])
        quad = (corners * part).sum((1, 2)) / part.sum()
        found.append((float(score[y, x]), quad.reshape(4, 2)))
    found.sort(key=lambda f: -f[0])
    kept = []
    for s, quad in found:
        if all(iou_of(quad, other) <= nms_iou for _, other in kept):
            kept.append((s, quad))
    return kept


def iou_of(a, b):
    """IoU of the axis-aligned boxes around two quads."""
    lo, hi = np.maximum(a.min(0), b.min(0)), np.minimum(a.max(0), b.max(0))
    inter = float(np.prod(np.maximum(0, hi - lo)))
    return inter / max(1e-6, float(np.prod(np.ptp(a, 0)) + np.prod(np.ptp(b, 0))) - inter)
