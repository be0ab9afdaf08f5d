"""Goldens of small floats and whole numbers under scales: the published layouts, decoded a second time.

python3 make_scaled.py   (3.11, standard library only; writes scaled.json beside itself)

Tensors hold random bits; what they stand for is worked out with fractions, rounded to single precision after each operation.
"""
import json
import os
import random
import struct
from fractions import Fraction

HERE = os.path.dirname(os.path.abspath(__file__))
RNG = random.Random(77)


def f32(x):
    return struct.unpack("<f", struct.pack("<f", float(x)))[0]


def hex_floats(values):
    return b"".join(struct.pack("<f", v) for v in values).hex()


def minifloat(code, exponent_bits, mantissa_bits, bias):
    """Sign, exponent, mantissa; the caller keeps away from codes that are no numbers."""
    sign = -1 if code >> (exponent_bits + mantissa_bits) & 1 else 1
    exponent = code >> mantissa_bits & (2**exponent_bits - 1)
    mantissa = Fraction(code & (2**mantissa_bits - 1), 2**mantissa_bits)
    value = mantissa * Fraction(2) ** (1 - bias) if exponent == 0 else (1 + mantissa) * Fraction(2) ** (exponent - bias)
    return float(sign * value) if value else (-0.0 if sign < 0 else 0.0)


def e2m1(code):
    return minifloat(code, 2, 1, 1)


def e4m3(code):
    return minifloat(code, 4, 3, 7)


def e8m0(code):
    return float(Fraction(2) ** (code - 127))


def e4m3_codes(count, low=0, high=0x7E, signed=True):
    return [RNG.randint(low, high) | (RNG.randint(0, 1) << 7 if signed else 0) for _ in range(count)]


def bf16(x):
    return struct.unpack("<I", struct.pack("<f", x))[0] >> 16


def of_bf16(bits):
    return struct.unpack("<f", struct.pack("<I", bits << 16))[0]


def tensor(name, dtype, shape, data):
    return {"name": name, "dtype": dtype, "shape": shape, "data": bytes(data).hex()}


def words(bits_of):
    """A list of (value, width) as little-endian words, lowest bits first."""
    number, at = 0, 0
    for value, width in bits_of:
        number |= value << at
        at += width
    return number.to_bytes((at + 31) // 32 * 4, "little")


def floats(name, shape, values):
    return tensor(name, "F32", shape, b"".join(struct.pack("<f", v) for v in values))


def bf16s(name, shape, values):
    return tensor(name, "BF16", shape, b"".join(struct.pack("<H", bf16(v)) for v in values))


def case(name, variant, config, tensors, rows, columns, values):
    return {"name": name, "variant": variant, "config": json.dumps(config), "tensors": tensors, "rows": rows, "columns": columns,
            "values": hex_floats(values)}


def mlx(mode, bits, group):
    rows, columns = 2, 544
    codes = e4m3_codes(rows * columns) if bits == 8 else [RNG.randint(0, 15) for _ in range(rows * columns)]
    groups = rows * columns // group
    if mode == "nvfp4":
        scales = e4m3_codes(groups, signed=False)
        scale = [e4m3(s) for s in scales]
    else:
        scales = [RNG.randint(100, 140) for _ in range(groups)]
        scales[0] = 0
        scale = [e8m0(s) for s in scales]
    value = e4m3 if bits == 8 else e2m1
    values = [f32(value(c) * scale[i // group]) for i, c in enumerate(codes)]
    data = bytes(codes) if bits == 8 else bytes(codes[i] | codes[i + 1] << 4 for i in range(0, len(codes), 2))
    return case(f"mlx {mode}", f"mlx:{mode}", {"quantization": {"group_size": group, "bits": bits, "mode": mode}},
                [tensor("m.weight", "U32", [rows, columns * bits // 32], data),
                 tensor("m.scales", "U8", [rows, columns // group], scales)], rows, columns, values)


def ct_config(weights, form, inputs=None):
    return {"quantization_config": {"quant_method": "compressed-tensors", "format": form, "quantization_status": "compressed",
            "ignore": ["lm_head"], "config_groups": {"group_0": {"targets": ["Linear"], "weights": weights,
            "input_activations": inputs, "output_activations": None}}}}


def ct_ints(bits, group, zeros=False, order=False):
    rows, columns = (10, 64) if zeros else (2, 544)
    across = 1 if group is None else columns // group
    middle = 2 ** (bits - 1)
    quants = [RNG.randint(-middle, middle - 1) for _ in range(rows * columns)]
    scale = [of_bf16(bf16(RNG.random() / 8)) for _ in range(rows * across)]
    points = [RNG.randint(-middle, middle - 1) if zeros else 0 for _ in range(rows * across)]
    group_of = [c * across // columns for c in range(columns)]
    if order:
        RNG.shuffle(group_of)
    values = []
    for r in range(rows):
        for c in range(columns):
            at = r * across + group_of[c]
            values.append(f32((quants[r * columns + c] - points[at]) * scale[at]))
    packed = b"".join(words([(q + middle, bits) for q in quants[r * columns:(r + 1) * columns]]) for r in range(rows))
    tensors = [tensor("m.weight_packed", "I32", [rows, columns * bits // 32], packed),
               bf16s("m.weight_scale", [rows, across], scale),
               tensor("m.weight_shape", "I64", [2], struct.pack("<qq", rows, columns))]
    if zeros:  # packed along the rows
        per_word = 32 // bits
        lines = (rows + per_word - 1) // per_word
        data = b""
        for line in range(lines):
            for g in range(across):
                inside = range(line * per_word, min(rows, (line + 1) * per_word))
                data += words([(points[r * across + g] + middle, bits) for r in inside])
        tensors.append(tensor("m.weight_zero_point", "I32", [lines, across], data))
    if order:
        tensors.append(tensor("m.weight_g_idx", "I32", [columns], b"".join(struct.pack("<i", g) for g in group_of)))
    strategy = "channel" if group is None else "group"
    weights = {"num_bits": bits, "type": "int", "symmetric": not zeros, "strategy": strategy, "group_size": group, "dynamic": False,
               "actorder": "group" if order else None}
    name = f"{bits}bit-channel" if group is None else f"{bits}bit-g{group}"
    return case(f"ct {name}{' zeros' if zeros else ''}{' order' if order else ''}", f"compressed-tensors:{name}",
                ct_config(weights, "pack-quantized"), tensors, rows, columns, values)


def ct_bytes():
    rows, columns = 2, 544
    quants = [RNG.randint(-128, 127) for _ in range(rows * columns)]
    scale = [f32(RNG.random() / 64) for _ in range(rows)]
    values = [f32(q * scale[i // columns]) for i, q in enumerate(quants)]
    weights = {"num_bits": 8, "type": "int", "symmetric": True, "strategy": "channel"}
    return case("ct int-quantized", "compressed-tensors:8bit-channel", ct_config(weights, "int-quantized", {"num_bits": 8}),
                [tensor("m.weight", "I8", [rows, columns], [q & 255 for q in quants]), floats("m.weight_scale", [rows, 1], scale)],
                rows, columns, values)


def fp8(name, variant, config, scale_name, block, shape=None, kind=bf16s):
    rows, columns = 6, 544
    codes = e4m3_codes(rows * columns)
    down, across = -(-rows // block[0]), -(-columns // block[1])
    scale = [of_bf16(bf16(RNG.random() / 64)) for _ in range(down * across)]
    values = [f32(e4m3(c) * scale[i // columns // block[0] * across + i % columns // block[1]]) for i, c in enumerate(codes)]
    return case(name, variant, config,
                [tensor("m.weight", "F8_E4M3", [rows, columns], codes),
                 kind(f"m.{scale_name}", shape if shape is not None else [down, across], scale)], rows, columns, values)


def ct_fp8(strategy, block, shape):
    weights = {"num_bits": 8, "type": "float", "symmetric": True, "strategy": strategy, "dynamic": False}
    if strategy == "block":
        weights["block_structure"] = list(block)
    return fp8(f"ct fp8 {strategy}", f"compressed-tensors:fp8-{strategy}", ct_config(weights, "float-quantized", {"num_bits": 8}),
               "weight_scale", block, shape)


def nv(name, variant, config, modelopt):
    rows, columns = 2, 544
    codes = [RNG.randint(0, 15) for _ in range(rows * columns)]
    scales = e4m3_codes(rows * columns // 16, signed=False)
    factor = f32(0.00037) if modelopt else f32(2713.25)
    scale = [f32(e4m3(s) * factor) if modelopt else f32(e4m3(s) / factor) for s in scales]
    values = [f32(e2m1(c) * scale[i // 16]) for i, c in enumerate(codes)]
    packed = bytes(codes[i] | codes[i + 1] << 4 for i in range(0, len(codes), 2))
    tensors = [tensor("m.weight" if modelopt else "m.weight_packed", "U8", [rows, columns // 2], packed),
               tensor("m.weight_scale", "F8_E4M3", [rows, columns // 16], scales),
               floats("m.weight_scale_2" if modelopt else "m.weight_global_scale", [] if modelopt else [1], [factor])]
    return case(name, variant, config, tensors, rows, columns, values)


def ct_mxfp4():
    rows, columns = 2, 544
    codes = [RNG.randint(0, 15) for _ in range(rows * columns)]
    scales = [RNG.randint(100, 140) for _ in range(rows * columns // 32)]
    values = [f32(e2m1(c) * e8m0(scales[i // 32])) for i, c in enumerate(codes)]
    packed = bytes(codes[i] | codes[i + 1] << 4 for i in range(0, len(codes), 2))
    weights = {"num_bits": 4, "type": "float", "strategy": "group", "group_size": 32}
    return case("ct mxfp4", "compressed-tensors:mxfp4", ct_config(weights, "mxfp4-pack-quantized"),
                [tensor("m.weight_packed", "U8", [rows, columns // 2], packed),
                 tensor("m.weight_scale", "U8", [rows, columns // 32], scales)], rows, columns, values)


def gptq3(form):
    """Weights as AutoGPTQ packs 3 bits: ten whole ones, one in two parts, ten, one in two parts, ten, in three words."""
    rows, columns, group = 32, 96, 32
    quants = [[RNG.randint(0, 7) for _ in range(rows)] for _ in range(columns)]
    groups = columns // group
    points = [[RNG.randint(1, 7) for _ in range(rows)] for _ in range(groups)]
    scale = [[struct.unpack("<e", struct.pack("<e", RNG.random() / 8))[0] for _ in range(rows)] for _ in range(groups)]

    def pack(values):
        out = []
        for i in range(0, len(values), 32):
            v = values[i:i + 32]
            first = sum(v[k] << (3 * k) for k in range(10)) | (v[10] & 3) << 30
            second = v[10] >> 2 | sum(v[11 + k] << (3 * k + 1) for k in range(10)) | (v[21] & 1) << 31
            third = v[21] >> 1 | sum(v[22 + k] << (3 * k + 2) for k in range(10))
            out += [first, second, third]
        return out

    by_row = [pack([quants[c][r] for c in range(columns)]) for r in range(rows)]
    lines = len(by_row[0])
    qweight = b"".join(struct.pack("<I", by_row[r][w]) for w in range(lines) for r in range(rows))
    less = 1 if form == "gptq" else 0
    qzeros = b"".join(struct.pack("<I", w) for g in range(groups) for w in pack([p - less for p in points[g]]))
    values = [f32(scale[c // group][r] * (quants[c][r] - points[c // group][r])) for r in range(rows) for c in range(columns)]
    tensors = [tensor("m.qweight", "I32", [lines, rows], qweight), tensor("m.qzeros", "I32", [groups, rows * 3 // 32], qzeros),
               tensor("m.scales", "F16", [groups, rows], b"".join(struct.pack("<e", s) for line in scale for s in line))]
    return case(f"gptq 3 bits, {form}", "gptq:3bit-g32",
                {"quantization_config": {"quant_method": "gptq", "bits": 3, "group_size": group, "checkpoint_format": form}},
                tensors, rows, columns, values)


def bnb(kind, double):
    rows, columns, block, outer = 3, 544, 64, 256
    count = rows * columns
    blocks = -(-count // block)
    table = [f32(RNG.uniform(-1, 1)) for _ in range(16)]
    codes = [RNG.randint(0, 15) for _ in range(count)]
    packed = bytes(codes[i] << 4 | codes[i + 1] for i in range(0, count, 2))
    state = {"quant_type": kind, "blocksize": block, "dtype": "bfloat16", "shape": [rows, columns]}
    if double:
        inner = [RNG.randint(0, 255) for _ in range(blocks)]
        second = [f32(i / 255) for i in range(256)]
        top = [f32(RNG.random() / 8) for _ in range(-(-blocks // outer))]
        offset = f32(0.044)
        state |= {"nested_blocksize": outer, "nested_dtype": "float32", "nested_offset": offset}
        scale = [f32(f32(second[b] * top[i // outer]) + offset) for i, b in enumerate(inner)]
        tensors = [tensor("m.weight.absmax", "U8", [blocks], inner), floats("m.weight.nested_absmax", [len(top)], top),
                   floats("m.weight.nested_quant_map", [256], second)]
    else:
        scale = [f32(RNG.random() / 8) for _ in range(blocks)]
        tensors = [floats("m.weight.absmax", [blocks], scale)]
    values = [f32(table[c] * scale[i // block]) for i, c in enumerate(codes)]
    tensors += [tensor("m.weight", "U8", [count // 2, 1], packed), floats("m.weight.quant_map", [16], table),
                tensor(f"m.weight.quant_state.bitsandbytes__{kind}", "U8", [len(json.dumps(state))], json.dumps(state).encode())]
    config = {"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": kind,
                                      "bnb_4bit_use_double_quant": double}}
    return case(f"bnb {kind}{' double' if double else ''}", f"bnb:{kind}{'-double' if double else ''}", config, tensors, rows, columns,
                values)


CASES = [
    mlx("mxfp4", 4, 32), mlx("nvfp4", 4, 16), mlx("mxfp8", 8, 32),
    ct_ints(4, 32), ct_ints(4, None), ct_ints(8, 32), ct_ints(4, 32, zeros=True), ct_ints(8, 32, zeros=True), ct_ints(4, 32, order=True),
    ct_bytes(), ct_fp8("tensor", (6, 544), [1]), ct_fp8("channel", (1, 544), None), ct_fp8("block", (4, 128), None),
    nv("ct nvfp4", "compressed-tensors:nvfp4", ct_config({"num_bits": 4, "type": "float", "strategy": "tensor_group", "group_size": 16},
                                                         "nvfp4-pack-quantized", {"num_bits": 4}), False),
    ct_mxfp4(),
    nv("modelopt nvfp4", "modelopt:nvfp4", {"quantization_config": {"quant_method": "modelopt", "quant_algo": "NVFP4",
                                                                    "exclude_modules": ["lm_head"]}}, True),
    fp8("modelopt fp8", "modelopt:fp8", {"quantization_config": {"quant_method": "modelopt", "quant_algo": "FP8"}}, "weight_scale",
        (6, 544), [], floats),
    fp8("fp8 block", "fp8:block", {"quantization_config": {"quant_method": "fp8", "activation_scheme": "dynamic", "fmt": "e4m3",
                                                           "weight_block_size": [4, 128]}}, "weight_scale_inv", (4, 128), None, floats),
    fp8("fp8 tensor", "fp8:tensor", {"quantization_config": {"quant_method": "fp8", "activation_scheme": "static"}}, "weight_scale",
        (6, 544), [], floats),
    fp8("fp8 channel", "fp8:channel", {"quantization_config": {"quant_method": "fbgemm_fp8", "activation_scale_ub": 1200.0}},
        "weight_scale", (1, 544), None, floats),
    gptq3("gptq"), gptq3("gptq_v2"),
    bnb("nf4", False), bnb("nf4", True), bnb("fp4", False),
]

with open(os.path.join(HERE, "scaled.json"), "w", encoding="utf-8", newline="\n") as f:
    f.write("[\n" + ",\n".join(json.dumps(c) for c in CASES) + "\n]\n")
