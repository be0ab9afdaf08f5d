"""Goldens of MLX, GPTQ and AWQ weights: the published layouts, written down a second time.

python3 make_goldens.py REFERENCE_MODEL_DIRECTORY   (3.11, standard library only; writes the .json files beside itself)

Single precision is double precision rounded after each operation, which is exact for + - * /.
"""
import hashlib
import json
import os
import random
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def f32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def f16(x):
    return struct.unpack("<e", struct.pack("<e", x))[0]


def bf16_bits(x):
    u = struct.unpack("<I", struct.pack("<f", x))[0]
    return ((u + 0x7FFF + ((u >> 16) & 1)) >> 16) & 0xFFFF


def hex_floats(values):
    return b"".join(struct.pack("<f", v) for v in values).hex()


def hex_words(words):
    return b"".join(struct.pack("<I", w) for w in words).hex()


def bit_stream(quants, bits):
    number = 0
    for k, q in enumerate(quants):
        number |= q << (k * bits)
    return number.to_bytes(len(quants) * bits // 8, "little")


def mlx_group(values, bits):
    top = 2**bits - 1
    low, high = min(values), max(values)
    step = max(f32(f32(high - low) / top), f32(1e-7))
    below = abs(low) > abs(high)
    scale, edge = (step, low) if below else (-step, high)
    count = float(round(f32(edge / scale)))
    bias = 0.0
    if count != 0:
        scale, bias = f32(edge / count), edge
    quants = [int(min(max(round(f32(f32(v - bias) / scale)), 0), top)) for v in values]
    return quants, scale, bias


def mlx_row(values, bits, group):
    quants, scales, biases = [], [], []
    for g in range(0, len(values), group):
        q, s, b = mlx_group(values[g:g + group], bits)
        quants += q
        scales.append(s)
        biases.append(b)
    return quants, scales, biases


def make_mlx(reference):
    rng = random.Random(31)
    row = [f32(rng.gauss(0, 1)) for _ in range(32)]            # from both sides
    row += [f32(abs(rng.gauss(0, 1))) for _ in range(32)]      # above zero only
    row += [f32(-2 - rng.random()) for _ in range(32)]         # far below zero
    row += [0.0] * 16 + [f32(rng.gauss(0, 1e-3)) for _ in range(16)]
    cases = []
    for bits in (2, 3, 4, 5, 6, 8):
        for group in (32, 64, 128):
            quants, scales, biases = mlx_row(row, bits, group)
            decoded = [f32(f32(q * scales[i // group]) + biases[i // group]) for i, q in enumerate(quants)]
            cases.append({"bits": bits, "groupSize": group, "packed": bit_stream(quants, bits).hex(),
                          "scales": hex_floats(scales), "biases": hex_floats(biases), "decoded": hex_floats(decoded)})

    name = "model.layers.0.self_attn.k_proj"
    with open(os.path.join(reference, "model.safetensors"), "rb") as f:
        length = struct.unpack("<Q", f.read(8))[0]
        info = json.loads(f.read(length))[name + ".weight"]
        f.seek(8 + length + info["data_offsets"][0])
        data = f.read(info["data_offsets"][1] - info["data_offsets"][0])
    rows, columns = info["shape"]
    values = [struct.unpack("<f", struct.pack("<I", u << 16))[0] for u in struct.unpack("<%dH" % (rows * columns), data)]
    model = []
    for bits in (2, 3, 4, 5, 6, 8):
        packed, scales, biases = hashlib.sha256(), hashlib.sha256(), hashlib.sha256()
        for r in range(rows):
            q, s, b = mlx_row(values[r * columns:(r + 1) * columns], bits, 64)
            packed.update(bit_stream(q, bits))
            scales.update(struct.pack("<%dH" % len(s), *map(bf16_bits, s)))
            biases.update(struct.pack("<%dH" % len(b), *map(bf16_bits, b)))
        model.append({"bits": bits, "weight": packed.hexdigest(), "scales": scales.hexdigest(), "biases": biases.hexdigest()})
    return {"row": hex_floats(row), "cases": cases, "module": name, "model": model}


def make_gptq():
    rng = random.Random(32)
    cases = []
    for bits, act_order, version in ((4, False, 1), (4, True, 1), (4, True, 2), (8, True, 1), (8, False, 2), (2, True, 1)):
        inputs, outputs, group, top = 32, 16, 8, 2**bits - 1
        groups = inputs // group
        order = [i // group for i in range(inputs)]
        if act_order:
            rng.shuffle(order)
        q = [[rng.randint(0, top) for _ in range(outputs)] for _ in range(inputs)]
        zero = [[rng.choice([0, 1, top // 2 + 1, top]) if bits < 8 else rng.randint(0, top) for _ in range(outputs)] for _ in range(groups)]
        scale = [[f16(rng.uniform(-0.1, 0.1)) for _ in range(outputs)] for _ in range(groups)]
        per = 32 // bits
        qweight = [sum(q[w * per + k][o] << (bits * k) for k in range(per)) for w in range(inputs // per) for o in range(outputs)]
        stored = [[(z - (1 if version == 1 else 0)) & top for z in line] for line in zero]
        qzeros = [sum(stored[g][w * per + k] << (bits * k) for k in range(per)) for g in range(groups) for w in range(outputs // per)]
        rows = [f32(scale[order[i]][o] * (q[i][o] - zero[order[i]][o])) for o in range(outputs) for i in range(inputs)]
        cases.append({"bits": bits, "groupSize": group, "format": "gptq" if version == 1 else "gptq_v2", "inputs": inputs, "outputs": outputs,
                      "qweight": hex_words(qweight), "qzeros": hex_words(qzeros),
                      "scales": b"".join(struct.pack("<e", s) for line in scale for s in line).hex(),
                      "order": hex_words(order) if act_order else None, "rows": hex_floats(rows)})
    return cases


def make_awq():
    rng = random.Random(33)
    inputs, outputs, group = 32, 24, 16
    groups = inputs // group
    q = [[rng.randint(0, 15) for _ in range(outputs)] for _ in range(inputs)]
    zero = [[rng.randint(0, 15) for _ in range(outputs)] for _ in range(groups)]
    scale = [[f16(rng.uniform(0, 0.1)) for _ in range(outputs)] for _ in range(groups)]
    in_word = [0, 2, 4, 6, 1, 3, 5, 7]  # output that each nibble holds, lowest nibble first

    def words(line):
        return [sum(line[8 * w + output] << (4 * nibble) for nibble, output in enumerate(in_word)) for w in range(outputs // 8)]

    rows = [f32(scale[i // group][o] * (q[i][o] - zero[i // group][o])) for o in range(outputs) for i in range(inputs)]
    return [{"groupSize": group, "inputs": inputs, "outputs": outputs,
             "qweight": hex_words([w for line in q for w in words(line)]), "qzeros": hex_words([w for line in zero for w in words(line)]),
             "scales": b"".join(struct.pack("<e", s) for line in scale for s in line).hex(), "rows": hex_floats(rows)}]


for name, content in (("mlx", make_mlx(sys.argv[1])), ("gptq", make_gptq()), ("awq", make_awq())):
    with open(os.path.join(HERE, name + ".json"), "w") as f:
        json.dump(content, f, indent=1)
        f.write("\n")
