"""The plate reader's network: a grey plate in, one row of class scores a step out, for CTC.

The last feature map is 2 rows of 32 columns; it is read row by row, so that one-line and two-line
plates go through the same head. Only layers that OpenCV 4.6 runs from ONNX are used.
"""
import copy

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

HEIGHT, WIDTH = 64, 128
ROWS, STEPS = 2, 64
MARGIN_X, MARGIN_Y = 0.06, 0.10
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
CLASSES = len(ALPHABET) + 1


def layer(cin, cout, kernel=3, stride=1):
    k = (kernel, kernel) if isinstance(kernel, int) else kernel
    return nn.Sequential(nn.Conv2d(cin, cout, k, stride, (k[0] // 2, k[1] // 2), bias=False),
                         nn.BatchNorm2d(cout), nn.ReLU(inplace=True))


class Residual(nn.Module):
    """Two 3x3 convolutions around an identity."""

    def __init__(self, c):
        super().__init__()
        self.body = nn.Sequential(layer(c, c), nn.Conv2d(c, c, 3, 1, 1, bias=False),
                                  nn.BatchNorm2d(c))

    def forward(self, x):
        return torch.relu(x + self.body(x))


class Context(nn.Module):
    """A wide look along both rows through a narrow waist: serial or slogan, one line or two."""

    def __init__(self, c, waist):
        super().__init__()
        self.body = nn.Sequential(layer(c, waist, 1), layer(waist, waist, (3, 9)),
                                  nn.Conv2d(waist, c, 1, bias=False), nn.BatchNorm2d(c))

    def forward(self, x):
        return torch.relu(x + self.body(x))


class Reader(nn.Module):
    def __init__(self, widths=(24, 32, 64, 128, 160), waist=64):
        super().__init__()
        a, b, c, d, e = widths
        self.trunk = nn.Sequential(
            layer(1, a, 3, 2), layer(a, a),
            layer(a, b, 3, 2), Residual(b),
            layer(b, c, 3, (2, 1)), Residual(c), Residual(c),
            layer(c, d, 3, (2, 1)), Residual(d), layer(d, e, 3, (2, 1)),
            Context(e, waist), Context(e, waist))
        self.drop = nn.Dropout(0.1)
        self.head = nn.Conv2d(e, CLASSES, 1)

    def forward(self, plate):
        """plate: [N,1,64,128], grey 0..1. Returns [N,64,37], class 0 the blank."""
        x = self.head(self.drop(self.trunk((plate - 0.5) * 4.0)))
        return x.permute(0, 2, 3, 1).reshape(x.shape[0], STEPS, CLASSES)


def fold(module):
    """A copy of an evaluated network with every batch normalisation folded into its convolution."""
    module = copy.deepcopy(module).eval()
    for part in module.modules():
        if isinstance(part, nn.Sequential):
            for i in range(len(part) - 1):
                if isinstance(part[i], nn.Conv2d) and isinstance(part[i + 1], nn.BatchNorm2d):
                    part[i] = fuse_conv_bn_eval(part[i], part[i + 1])
                    part[i + 1] = nn.Identity()
    return module


def from_onnx(path, plates):
    """A network that computes what an exported one does, with batch normalisation to go on with.

    The normalisations take their statistics from `plates` ([N,1,64,128], grey 0..1) and are set so
    that they change nothing: the folded weights stay the convolution's, the rest is undone.
    """
    import onnx
    from onnx import numpy_helper
    folded = {i.name: torch.from_numpy(numpy_helper.to_array(i).copy())
              for i in onnx.load(path).graph.initializer}
    net = Reader().eval()
    pairs, names = [], {m: n for n, m in net.named_modules()}
    for part in net.modules():
        if isinstance(part, nn.Sequential):
            pairs += [(a, b) for a, b in zip(part, part[1:]) if isinstance(b, nn.BatchNorm2d)]
    with torch.no_grad():
        for conv, norm in pairs:
            conv.weight.copy_(folded[names[conv] + ".weight"])
            norm.bias.copy_(folded[names[conv] + ".bias"])
            norm.running_var.fill_(1.0 - norm.eps)
        net.head.weight.copy_(folded["head.weight"])
        net.head.bias.copy_(folded["head.bias"])
        seen = {}
        hooks = [c.register_forward_hook(lambda m, _, out: seen.__setitem__(m, out))
                 for c, _ in pairs]
        net(plates)
        for hook in hooks:
            hook.remove()
        for conv, norm in pairs:
            mean, var = seen[conv].mean((0, 2, 3)), seen[conv].var((0, 2, 3))
            norm.running_mean.copy_(mean)
            norm.running_var.copy_(var)
            norm.weight.copy_((var + norm.eps).sqrt())
            norm.bias.add_(mean)
    return net


def count_macs(net):
    """Multiply-adds of one plate, convolutions only."""
    total, hooks = [0], []

    def count(module, _, out):
        total[0] += out[0].numel() * module.weight[0].numel()
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            hooks.append(module.register_forward_hook(count))
    with torch.no_grad():
        net(torch.zeros(1, 1, HEIGHT, WIDTH))
    for hook in hooks:
        hook.remove()
    return total[0]
