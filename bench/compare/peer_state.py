"""Makes a saved sequence of llama.cpp longer: keys and values of the full layers repeat, those of the sliding windows stay,
positions go on. Speed does not depend on the values, and reading 16 384 tokens takes the peer a quarter of an hour."""
import struct


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self, kind):
        value = struct.unpack_from("<" + kind, self.data, self.at)[0]
        self.at += struct.calcsize("<" + kind)
        return value

    def bytes(self, count):
        self.at += count
        return self.data[self.at - count:self.at]


def _repeated(data, size):
    return (data * (size // len(data) + 1))[:size]


def _cache(source, out, depth, known):
    """One cache: its cells, then keys and values of its layers. One with all positions grows to `depth` cells."""
    def copy(kind):
        value = source.number(kind)
        out.extend(struct.pack("<" + kind, value))
        return value
    if copy("I") != 1:
        raise ValueError("more than one stream")
    cells = source.number("I")
    whole = cells == known
    positions = []
    for _ in range(cells):
        positions.append(source.number("i"))
        if (source.number("I"), source.number("i")) != (1, 0):
            raise ValueError("a cell of another sequence")
    kept = list(range(depth)) if whole else [p + depth - known for p in positions]
    out.extend(struct.pack("<I", len(kept)))
    for position in kept:
        out.extend(struct.pack("<iIi", position, 1, 0))
    transposed, layers = copy("I"), copy("I")
    for values in (False, True):
        for _ in range(layers):
            copy("i")                                       # type
            if values and transposed:
                width, rows = copy("I"), copy("I")
            else:
                width, rows = copy("Q"), 1
            for _ in range(rows):
                data = source.bytes(cells * width)
                out.extend(_repeated(data, depth * width) if whole else data)


def lengthen(path, depth, to):
    """The state file of a sequence of fewer than `depth` tokens -> one of `depth`. ValueError: a format that is not known."""
    with open(path, "rb") as file:
        source = Reader(file.read())
    out = bytearray(source.bytes(8))                        # magic, version
    known = source.number("I")
    out.extend(struct.pack("<I", depth) + _repeated(source.bytes(4 * known), 4 * depth))
    _cache(source, out, depth, known)                       # the full layers
    _cache(source, out, depth, known)                       # the sliding windows
    if source.at != len(source.data):
        raise ValueError("%d bytes are left" % (len(source.data) - source.at))
    with open(to, "wb") as file:
        file.write(out)
