#!/usr/bin/env python3
"""Makes small networks with what OpenCV computes, and the files of tests/fuzz/corpus/onnx.

They have every operation that the engine knows; the others are the first one, made bad.

Needs python3-onnx, python3-opencv and numpy; run by hand, its output is committed.
"""
import sys
from pathlib import Path

import cv2
import numpy as np
import onnx
from onnx import TensorProto, helper

TESTS = Path(__file__).resolve().parents[1]
CORPUS = TESTS / 'fuzz' / 'corpus' / 'onnx'
HEIGHT, WIDTH = 24, 40
rng = np.random.default_rng(5)


def numbers(name, *dims):
    values = rng.normal(0, 1 / np.sqrt(np.prod(dims[1:]) or 1), dims).astype('<f4')
    return helper.make_tensor(name, TensorProto.FLOAT, dims, values.tobytes(), raw=True)


def constant(name, array, kind):
    tensor = helper.make_tensor('', kind, array.shape, array.tobytes(), raw=True)
    return helper.make_node('Constant', [], [name], value=tensor)


def conv(source, name, out, **form):
    form = {'dilations': [1, 1], 'group': 1, 'strides': [1, 1], 'pads': [0] * 4, **form}
    kind = form.pop('kind', 'Conv')
    return helper.make_node(kind, [source, name + '.w', name + '.b'], [out], **form)


def relu(source, out):
    return helper.make_node('Relu', [source], [out])


def add(a, b, out):
    return helper.make_node('Add', [a, b], [out])


def trunk():
    """Channels 5, 6, 6 and 5 again: neither is a whole number of vectors."""
    return [
        constant('half', np.float32(0.5), TensorProto.FLOAT),
        constant('four', np.float32(4), TensorProto.FLOAT),
        helper.make_node('Sub', ['in', 'half'], ['in1']),
        helper.make_node('Mul', ['in1', 'four'], ['in2']),
        conv('in2', 'stem', 'a0', kernel_shape=[6, 6], strides=[4, 4], pads=[1] * 4),
        relu('a0', 'a'),
        conv('a', 'down', 'b0', kernel_shape=[3, 3], strides=[2, 1], pads=[1] * 4),
        relu('b0', 'b'),
        conv('b', 'wide', 'c0', kernel_shape=[3, 9], pads=[1, 4, 1, 4]),
        relu('c0', 'c'),
        add('b', 'c', 'd'),
        conv('d', 'far', 'e0', kernel_shape=[3, 3], dilations=[2, 2], pads=[2] * 4),
        add('d', 'e0', 'e1'),
        relu('e1', 'e'),
        conv('e', 'up', 'f0', kind='ConvTranspose', kernel_shape=[2, 2], strides=[2, 2]),
    ]


WEIGHTS = {'stem': (5, 1, 6, 6), 'down': (6, 5, 3, 3), 'wide': (6, 6, 3, 9),
           'far': (6, 6, 3, 3), 'up': (6, 5, 2, 2), 'skip': (5, 1, 2, 2), 'out': (3, 5, 1, 1)}


def tensors(names):
    for name in names:
        dims = WEIGHTS[name]
        yield numbers(name + '.w', *dims)
        yield numbers(name + '.b', dims[1] if name == 'up' else dims[0])


def model(nodes, names, shape):
    info = helper.make_tensor_value_info
    inputs = [info('in', TensorProto.FLOAT, [1, 1, HEIGHT, WIDTH])]
    graph = helper.make_graph(nodes, 'small', inputs, [info('out', TensorProto.FLOAT, shape)],
                              list(tensors(names)))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid('', 11)])


def maps():
    """As the locator ends: a map, here after two ways were joined."""
    nodes = trunk() + [
        conv('in2', 'skip', 's0', kernel_shape=[2, 2], strides=[4, 2]),
        relu('s0', 's'), add('s', 'f0', 'g0'), relu('g0', 'g'),
        conv('g', 'out', 'out', kernel_shape=[1, 1])]
    return model(nodes, WEIGHTS, [1, 3, 6, 20])


def rows():
    """As the reader ends: channels last, in another shape."""
    nodes = trunk() + [
        conv('f0', 'out', 'g', kernel_shape=[1, 1]),
        helper.make_node('Transpose', ['g'], ['h'], perm=[0, 2, 3, 1]),
        constant('shape', np.array([1, 120, 3], '<i8'), TensorProto.INT64),
        helper.make_node('Reshape', ['h', 'shape'], ['out'])]
    return model(nodes, [n for n in WEIGHTS if n != 'skip'], [1, 120, 3])


def computed(data):
    picture = rng.random((1, 1, HEIGHT, WIDTH), np.float32)
    net = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8))
    net.setInput(picture)
    return np.concatenate([picture.ravel(), net.forward().ravel()]).astype('<f4').tobytes()


def bad(whole):
    """Of the first network, what must be refused."""
    def changed(change):
        copy = onnx.ModelProto.FromString(whole)
        change(copy.graph)
        return copy.SerializeToString()

    def with_attribute(graph, name, value):
        node = next(n for n in graph.node if n.op_type == 'Conv')
        kept = [a for a in node.attribute if a.name != name]
        del node.attribute[:]
        node.attribute.extend(kept + [helper.make_attribute(name, value)])

    return {
        'empty': b'', 'cut_short': whole[:len(whole) // 2], 'text': b'not a network',
        'deep_length': bytes([0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
        'unknown_op': whole.replace(b'Relu', b'Tanh'),
        'lost_weights': whole.replace(b'far.w', b'far.x', 1),
        'group': changed(lambda g: with_attribute(g, 'group', 5)),
        'auto_pad': changed(lambda g: with_attribute(g, 'auto_pad', 'VALID')),
        'huge_pads': changed(lambda g: with_attribute(g, 'pads', [1 << 40] * 4)),
        'no_stride': changed(lambda g: with_attribute(g, 'strides', [0, 1])),
        'huge_dims': changed(lambda g: g.initializer[0].dims.__setitem__(0, 1 << 62)),
        'two_outputs': changed(lambda g: g.output.extend([g.output[0]])),
        'no_output': changed(lambda g: g.output.__delitem__(0)),
        'double': changed(lambda g: setattr(g.initializer[0], 'data_type', TensorProto.DOUBLE)),
        'itself': changed(lambda g: g.node[4].input.__setitem__(0, g.node[4].output[0])),
    }


def main():
    CORPUS.mkdir(parents=True, exist_ok=True)
    files = {}
    for name, made in (('maps', maps()), ('rows', rows())):
        files[name] = made.SerializeToString()
        (TESTS / 'ocr' / f'net_{name}.f32').write_bytes(computed(files[name]))
    files.update(bad(files['maps']))
    for name, data in files.items():
        (CORPUS / f'{name}.onnx').write_bytes(data)
    print(len(files), 'files in', CORPUS, file=sys.stderr)


if __name__ == '__main__':
    main()
