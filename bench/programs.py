"""Programs in text form of which one thing grows: function f, and the shapes of its inputs by name."""


def slice_row(name, of, row, rest="4"):
    return f"  {name}: f32[1,{rest}] = slice {of} {{limit=[{row + 1},{rest}], start=[{row},0], stride=[1,1]}}"


def concat(name, parts, shape):
    return f"  {name}: f32[{shape}] = concat {', '.join(parts)} {{axis=0}}"


def function(lines, inputs, outputs):
    parameters = ", ".join(f"%{name}: f32[{','.join(map(str, shape))}]" for name, shape in inputs.items())
    return "\n".join([f"func @f({parameters}) {{", *lines, f"  return {outputs}", "}"]) + "\n", inputs


def taps(n):
    """The gradient of a convolution of n taps along one axis."""
    lines = [f"  %w: f32[1,2,101,{n}] = window %x {{axis=2, size={n}, stride=1, dilation=1}}",
             '  %y: f32[1,3,101] = contract %w, %k {dims="bilk,oik->bol"}',
             "  %s: f32[1,3,101] = mul %y, %y",
             "  %l: f32[] = reduce_sum %s {axes=[0,1,2]}",
             f"  %d: f32[1,2,{n + 100}] = grad %l, %x"]
    return function(lines, {"x": [1, 2, n + 100], "k": [3, 2, n]}, "d=%d")


def pool(n):
    """The gradient of a pool that covers an image of n x n."""
    lines = [f"  %w: f32[1,4,1,{n},{n}] = window %x {{axis=2, size={n}, stride={n}, dilation=1}}",
             f"  %u: f32[1,4,1,1,{n},{n}] = window %w {{axis=3, size={n}, stride={n}, dilation=1}}",
             "  %y: f32[1,4,1,1] = reduce_max %u {axes=[4,5]}",
             "  %s: f32[1,4,1,1] = mul %y, %y",
             "  %l: f32[] = reduce_sum %s {axes=[0,1,2,3]}",
             f"  %d: f32[1,4,{n},{n}] = grad %l, %x"]
    return function(lines, {"x": [1, 4, n, n]}, "d=%d")


def parts(n):
    """n multiples of a tensor, stacked."""
    lines = []
    for i in range(n):
        lines += [f"  %c{i}: f32[28,28] = constant {{dtype=f32, shape=[28,28], value={i}.5}}",
                  f"  %m{i}: f32[28,28] = mul %x, %c{i}",
                  f"  %r{i}: f32[1,28,28] = reshape %m{i} {{shape=[1,28,28]}}"]
    lines.append(concat("%y", [f"%r{i}" for i in range(n)], f"{n},28,28"))
    return function(lines, {"x": [28, 28]}, "y=%y")


def rows_of_steps(n, keeps):
    lines, rows, length = [], "%r", 16
    for i in range(n):
        lines.append(slice_row(f"%s{i}", "%x", i))
        if keeps:
            lines.append(f"  %o{i}: f32[15,4] = slice {rows} {{limit=[16,4], start=[1,0], stride=[1,1]}}")
            rows, length = f"%o{i}", 15
        length += 1
        lines += [concat(f"%r{i}", [rows, f"%s{i}"], f"{length},4"),
                  f"  %y{i}: f32[4] = reduce_sum %r{i} {{axes=[0]}}",
                  f"  %z{i}: f32[1,4] = reshape %y{i} {{shape=[1,4]}}"]
        rows = f"%r{i}"
    lines.append(concat("%y", [f"%z{i}" for i in range(n)], f"{n},4"))
    return function(lines, {"x": [n, 4], "r": [16, 4]}, "y=%y")


def shifts(n):
    """n steps of a shift register of 16 rows, and their sum at each."""
    return rows_of_steps(n, True)


def cache(n):
    """n rows appended one by one, and their sum at each step."""
    return rows_of_steps(n, False)


def views(n):
    """n views, each of the one before."""
    lines, value = [], "%x"
    for i in range(n // 4):
        lines += [f"  %a{i}: f32[7,8] = slice {value} {{limit=[8,8], start=[1,0], stride=[1,1]}}",
                  f"  %b{i}: f32[8,8] = pad %a{i} {{high=[0,0], interior=[0,0], low=[1,0], value=2.0}}",
                  f"  %c{i}: f32[8,8] = reverse %b{i} {{axes=[0]}}",
                  f"  %d{i}: f32[8,8] = transpose %c{i} {{permutation=[1,0]}}"]
        value = f"%d{i}"
    return function(lines, {"x": [8, 8]}, f"y={value}")


def depth(n):
    """n layers, each a contraction and a tanh, and the gradients of their weights."""
    lines, value = [], "%x"
    weights = [f"w{i}" for i in range(n)]
    for i in range(n):
        lines += [f'  %a{i}: f32[8,16] = contract {value}, %w{i} {{dims="ik,kj->ij"}}',
                  f"  %t{i}: f32[8,16] = tanh %a{i}"]
        value = f"%t{i}"
    lines += [f"  %l: f32[] = reduce_sum {value} {{axes=[0,1]}}",
              f"  {', '.join(f'%d{w}: f32[16,16]' for w in weights)} = grad %l, {', '.join('%' + w for w in weights)}"]
    return function(lines, {"x": [8, 16], **{w: [16, 16] for w in weights}}, ", ".join(f"d{w}=%d{w}" for w in weights))


def inputs(n):
    """The sum of n inputs."""
    lines, value = [], "%x0"
    for i in range(1, n):
        lines.append(f"  %s{i}: f32[7,3] = add {value}, %x{i}")
        value = f"%s{i}"
    return function(lines, {f"x{i}": [7, 3] for i in range(n)}, f"y={value}")


def outputs(n):
    """n multiples of an input."""
    lines = []
    for i in range(n):
        lines += [f"  %c{i}: f32[7,3] = constant {{dtype=f32, shape=[7,3], value={i}.5}}",
                  f"  %y{i}: f32[7,3] = mul %x, %c{i}"]
    return function(lines, {"x": [7, 3]}, ", ".join(f"y{i}=%y{i}" for i in range(n)))


def callee(name, body):
    return f"func @{name}(%x: f32[4]) {{\n  %y: f32[4] = {body}\n  return y=%y\n}}\n"


def call(name):
    return f'call %x {{function="{name}"}}'


def nesting(n):
    """A function in a function, n deep."""
    others = [callee(f"g{i}", call(f"g{i - 1}") if i else "tanh %x") for i in range(n)]
    text, shapes = function([f"  %y: f32[4] = {call(f'g{n - 1}')}"], {"x": [4]}, "y=%y")
    return "".join(others) + text, shapes


def functions(n):
    """n functions, one called after the other."""
    others = [callee(f"g{i}", "tanh %x") for i in range(n)]
    lines, value = [], "%x"
    for i in range(n):
        lines.append(f'  %y{i}: f32[4] = call {value} {{function="g{i}"}}')
        value = f"%y{i}"
    text, shapes = function(lines, {"x": [4]}, f"y={value}")
    return "".join(others) + text, shapes


PROGRAMS = {
    "depth": (depth, [25, 50, 100, 200]),
    "taps": (taps, [64, 256, 1024]),
    "pool": (pool, [28, 56, 112]),
    "parts": (parts, [125, 250, 500, 1000]),
    "shifts": (shifts, [125, 250, 500]),
    "cache": (cache, [125, 250, 500]),
    "views": (views, [2500, 5000, 10000]),
    "inputs": (inputs, [250, 500, 1000]),
    "outputs": (outputs, [125, 250, 500]),
    "nesting": (nesting, [60, 120, 240]),
    "functions": (functions, [250, 500, 1000]),
}
