"""Exports the plate locator as ONNX with its json, and proves that OpenCV computes the same."""
import argparse
import hashlib
import json
from copy import deepcopy
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from locate_data import AREA
from locate_net import MULTIPLE, STRIDE, UNIT, Net

MAX_SIDE = 1280
PAD = 0.5


def load_net(path):
    net = Net()
    net.load_state_dict(torch.load(path, map_location='cpu')['average'])
    return net.eval()


def fold(net):
    """The network with every BatchNorm folded into the convolution before it."""
    net = deepcopy(net).eval()
    for module in net.modules():
        if (
            isinstance(module, nn.Sequential)
            and len(module) == 3
            and isinstance(module[1], nn.BatchNorm2d)
        ):
            module[0] = fuse_conv_bn_eval(module[0], module[1])
            module[1] = nn.Identity()
    return net


def write_onnx(net, path):
    torch.onnx.export(
        fold(net),
        torch.zeros(1, 1, 384, 640),
        str(path),
        opset_version=11,
        input_names=['image'],
        output_names=['map'],
        dynamic_axes={'image': {2: 'h', 3: 'w'}, 'map': {2: 'h8', 3: 'w8'}},
    )


def frame_of(grey, area=AREA):
    """(float32 frame 0..1 padded to whole cells, scale): the network's input for a picture."""
    h, w = grey.shape
    scale = min((area / (w * h)) ** 0.5, MAX_SIDE / max(w, h))
    size = max(1, round(w * scale)), max(1, round(h * scale))
    if size != (w, h):
        grey = cv2.resize(
            grey, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        )
    frame = np.full([-(-n // MULTIPLE) * MULTIPLE for n in (size[1], size[0])], PAD, np.float32)
    frame[: size[1], : size[0]] = grey.astype(np.float32) / 255
    return frame, np.float32([size[0] / w, size[1] / h])


def macs(net):
    total = [0]

    def count(module, _, out):
        cin = module.in_channels
        turned = isinstance(module, nn.ConvTranspose2d)  # its kernel is as large as its stride
        total[0] += out.numel() * (cin if turned else module.weight[0].numel())

    kinds = (nn.Conv2d, nn.ConvTranspose2d)
    hooks = [m.register_forward_hook(count) for m in net.modules() if isinstance(m, kinds)]
    net(torch.zeros(1, 1, 384, 640))
    for hook in hooks:
        hook.remove()
    return total[0]


def prove(net, path, pictures):
    """The largest difference between torch and OpenCV over pictures of several shapes."""
    reader = cv2.dnn.readNetFromONNX(str(path))
    worst = 0.0
    for picture in pictures:
        frame = frame_of(cv2.imread(str(picture), cv2.IMREAD_GRAYSCALE))[0][None, None]
        reader.setInput(frame)
        with torch.no_grad():
            worst = max(
                worst, float(np.abs(net(torch.from_numpy(frame)).numpy() - reader.forward()).max())
            )
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('checkpoint', type=Path)
    parser.add_argument('--data', type=Path, default=Path('../shared/data'))
    parser.add_argument('--out', type=Path, default=Path('ocr/models/locate.onnx'))
    parser.add_argument('--threshold', type=float, required=True)
    args = parser.parse_args()
    net = load_net(args.checkpoint)
    write_onnx(net, args.out)
    pictures = [
        p
        for folder in ('cn_easypr', 'ro_dashcam', 'misc_images', 'tn_cars', 'negatives')
        for p in sorted((args.data / folder / 'images').iterdir())[:4]
    ]
    worst = prove(net, args.out, pictures)
    print(
        f'torch and OpenCV differ by at most {worst:.2e} on {len(pictures)} pictures;'
        f' {macs(net) / 1e6:.1f} MMAC'
    )
    if worst > 1e-3:
        raise SystemExit('OpenCV does not compute what torch computes')
    digest = hashlib.sha256(args.out.read_bytes()).hexdigest()
    facts = {
        'file': args.out.name,
        'sha256': digest,
        'area': AREA,
        'max_side': MAX_SIDE,
        'multiple': MULTIPLE,
        'stride': STRIDE,
        'corner_unit': UNIT,
        'pad': PAD,
        'threshold': args.threshold,
        'nms_iou': 0.3,
    }
    args.out.with_suffix('.json').write_text(json.dumps(facts, indent=1) + '\n')
    print(json.dumps(facts))


if __name__ == '__main__':
    main()
