"""A saved sequence of the peer becomes longer: positions go on, keys repeat, the sliding window stays, odd files are refused."""
import os
import struct
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench", "compare"))
import peer_state  # noqa: E402


def cache(positions, row, fill):
    """Two layers with rows of `row` bytes: cell i holds the byte fill + i."""
    data = b"".join(bytes([fill + i]) * row for i in range(len(positions)))
    layer = struct.pack("<iQ", 1, row) + data
    cells = b"".join(struct.pack("<iIi", p, 1, 0) for p in positions)
    return struct.pack("<II", 1, len(positions)) + cells + struct.pack("<II", 0, 2) + layer * 4


def state(tokens, window, full_rows=6, window_rows=4):
    head = b"magc" + struct.pack("<II", 3, tokens) + struct.pack("<%dI" % tokens, *range(tokens))
    return head + cache(list(range(tokens)), full_rows, 1) + cache(list(range(tokens - window, tokens)), window_rows, 101)


def expect(truth, what):
    if not truth:
        sys.exit("failed: " + what)


def main():
    with tempfile.TemporaryDirectory() as folder:
        path, longer = os.path.join(folder, "a"), os.path.join(folder, "b")

        def lengthened(data, depth):
            with open(path, "wb") as file:
                file.write(data)
            peer_state.lengthen(path, depth, longer)
            with open(longer, "rb") as file:
                return file.read()
        made = lengthened(state(8, 3), 20)
        reader = peer_state.Reader(made)
        expect(reader.bytes(4) == b"magc" and reader.number("I") == 3 and reader.number("I") == 20, "head")
        expect([reader.number("I") for _ in range(20)] == [i % 8 for i in range(20)], "tokens")
        for cells, first, row, fill, known in ((20, 0, 6, 1, 8), (3, 17, 4, 101, 3)):
            expect((reader.number("I"), reader.number("I")) == (1, cells), "cells")
            expect([(reader.number("i"), reader.number("I"), reader.number("i")) for _ in range(cells)] ==
                   [(first + i, 1, 0) for i in range(cells)], "positions")
            expect((reader.number("I"), reader.number("I")) == (0, 2), "layers")
            for _ in range(4):
                expect((reader.number("i"), reader.number("Q")) == (1, row), "row")
                wanted = b"".join(bytes([fill + i % known]) * row for i in range(cells))
                expect(reader.bytes(cells * row) == wanted, "keys and values")
        expect(reader.at == len(made), "length")
        for broken in (state(8, 3) + b"x", state(8, 3)[:-5]):
            try:
                lengthened(broken, 20)
                sys.exit("failed: a broken file was taken")
            except (ValueError, struct.error):
                pass


main()
