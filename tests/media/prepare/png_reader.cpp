#include "media/prepare/png_reader.h"

#include "media/prepare/golden_file.h"

#include <array>
#include <cstdlib>
#include <stdexcept>

namespace facet::test {

namespace {

using Bytes = std::vector<std::uint8_t>;

// Canonical Huffman code of RFC 1951: counts per length and symbols in order.
struct Huffman {
    std::array<int, 16> counts{};
    std::vector<int> symbols;

    explicit Huffman(const std::vector<int> &lengths) : symbols(lengths.size()) {
        for (const int length : lengths) ++counts[static_cast<std::size_t>(length)];
        counts[0] = 0;
        std::array<int, 16> next{};
        for (std::size_t i = 1; i < 16; ++i) next[i] = next[i - 1] + counts[i - 1];
        for (std::size_t s = 0; s < lengths.size(); ++s) {
            if (lengths[s]) symbols[static_cast<std::size_t>(next[static_cast<std::size_t>(lengths[s])]++)] = static_cast<int>(s);
        }
    }
};

class Inflater {
public:
    explicit Inflater(const Bytes &in) : m_in(in) {}

    Bytes run() {
        bool last = false;
        while (!last) {
            last = bits(1) == 1;
            switch (bits(2)) {
            case 0: stored(); break;
            case 1: fixed(); break;
            case 2: dynamic(); break;
            default: throw std::runtime_error("bad deflate block");
            }
        }
        return std::move(m_out);
    }

private:
    int bits(int count) {
        int value = 0;
        for (int i = 0; i < count; ++i, ++m_bit) {
            if (m_bit / 8 >= m_in.size()) throw std::runtime_error("deflate data cut short");
            value |= ((m_in[m_bit / 8] >> (m_bit % 8)) & 1) << i;
        }
        return value;
    }
    int symbol(const Huffman &code) {
        int value = 0, first = 0, index = 0;
        for (std::size_t length = 1; length < 16; ++length) {
            value |= bits(1);
            const int count = code.counts[length];
            if (value - count < first) return code.symbols.at(static_cast<std::size_t>(index + value - first));
            index += count;
            first = (first + count) << 1;
            value <<= 1;
        }
        throw std::runtime_error("bad deflate code");
    }
    void stored() {
        m_bit = (m_bit + 7) / 8 * 8;
        const int length = bits(16);
        bits(16);
        for (int i = 0; i < length; ++i) m_out.push_back(static_cast<std::uint8_t>(bits(8)));
    }
    void fixed() {
        std::vector<int> lengths(288, 8);
        for (std::size_t i = 144; i < 256; ++i) lengths[i] = 9;
        for (std::size_t i = 256; i < 280; ++i) lengths[i] = 7;
        codes(Huffman(lengths), Huffman(std::vector<int>(30, 5)));
    }
    void dynamic() {
        const std::size_t literals = static_cast<std::size_t>(bits(5)) + 257, distances = static_cast<std::size_t>(bits(5)) + 1;
        const int count = bits(4) + 4;
        constexpr std::array<std::size_t, 19> order = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
        std::vector<int> lengths(19, 0);
        for (int i = 0; i < count; ++i) lengths[order[static_cast<std::size_t>(i)]] = bits(3);
        const Huffman lengthCode(lengths);
        std::vector<int> all;
        while (all.size() < literals + distances) {
            const int s = symbol(lengthCode);
            if (s < 16) all.push_back(s);
            else if (s == 16) all.insert(all.end(), static_cast<std::size_t>(bits(2)) + 3, int{all.at(all.size() - 1)});
            else all.insert(all.end(), static_cast<std::size_t>(s == 17 ? bits(3) + 3 : bits(7) + 11), 0);
        }
        const auto middle = all.begin() + static_cast<std::ptrdiff_t>(literals);
        codes(Huffman({all.begin(), middle}), Huffman({middle, all.end()}));
    }
    void codes(const Huffman &literal, const Huffman &distance) {
        constexpr std::array<int, 29> base = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                              31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
        constexpr std::array<int, 29> extra = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
        constexpr std::array<int, 30> far = {1,   2,   3,   4,   5,   7,    9,    13,   17,   25,   33,   49,   65,    97,    129,
                                             193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
        for (;;) {
            const int s = symbol(literal);
            if (s == 256) return;
            if (s < 256) {
                m_out.push_back(static_cast<std::uint8_t>(s));
                continue;
            }
            const std::size_t l = static_cast<std::size_t>(s - 257);
            const int length = base.at(l) + bits(extra.at(l));
            const std::size_t d = static_cast<std::size_t>(symbol(distance));
            const std::size_t back = static_cast<std::size_t>(far.at(d) + bits(d < 2 ? 0 : static_cast<int>(d) / 2 - 1));
            for (int i = 0; i < length; ++i) m_out.push_back(std::uint8_t{m_out.at(m_out.size() - back)});
        }
    }

    const Bytes &m_in;
    std::size_t m_bit = 16;  // behind the two bytes of the zlib header
    Bytes m_out;
};

int paeth(int a, int b, int c) {
    const int p = a + b - c;
    const int pa = std::abs(p - a), pb = std::abs(p - b), pc = std::abs(p - c);
    return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
}

// Undoes the line filters of [height, 1 + line] bytes.
Bytes unfilter(const Bytes &raw, std::size_t height, std::size_t line, std::size_t pixel) {
    Bytes out(height * line);
    for (std::size_t y = 0; y < height; ++y) {
        const int filter = raw.at(y * (line + 1));
        for (std::size_t x = 0; x < line; ++x) {
            const int a = x >= pixel ? out[y * line + x - pixel] : 0;
            const int b = y > 0 ? out[(y - 1) * line + x] : 0;
            const int c = x >= pixel && y > 0 ? out[(y - 1) * line + x - pixel] : 0;
            const int add = filter == 0 ? 0 : filter == 1 ? a : filter == 2 ? b : filter == 3 ? (a + b) / 2 : paeth(a, b, c);
            out[y * line + x] = static_cast<std::uint8_t>(raw.at(y * (line + 1) + 1 + x) + add);
        }
    }
    return out;
}

}  // namespace

media::Picture readPng(const std::string &path) {
    const std::string file = readText(path);
    const auto number = [&](std::size_t at) {
        std::uint32_t value = 0;
        for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<std::uint8_t>(file.at(at + i));
        return value;
    };
    Bytes data, palette;
    for (std::size_t at = 8; at + 12 <= file.size(); at += 12 + number(at)) {
        const std::string type = file.substr(at + 4, 4);
        const std::string body = file.substr(at + 8, number(at));
        if (type == "IDAT") data.insert(data.end(), body.begin(), body.end());
        if (type == "PLTE") palette.assign(body.begin(), body.end());
    }
    media::Picture picture;
    picture.width = static_cast<int>(number(16));
    picture.height = static_cast<int>(number(20));
    const int depth = file.at(24), kind = file.at(25);
    const std::size_t channels = kind == 2 ? 3 : kind == 6 ? 4 : kind == 4 ? 2 : 1;
    if (depth != 8 || file.at(28) != 0) throw std::runtime_error(path + ": not a plain 8-bit PNG");
    const std::size_t width = static_cast<std::size_t>(picture.width), height = static_cast<std::size_t>(picture.height);
    const Bytes pixels = unfilter(Inflater(data).run(), height, width * channels, channels);
    picture.rgb.reserve(width * height * 3);
    for (std::size_t i = 0; i < width * height; ++i) {
        const std::uint8_t *p = pixels.data() + i * channels;
        const std::uint8_t alpha = kind == 6 ? p[3] : kind == 4 ? p[1] : std::uint8_t{255};
        for (std::size_t c = 0; c < 3; ++c) {
            const std::uint8_t value = kind == 3 ? palette.at(p[0] * std::size_t{3} + c) : kind == 2 || kind == 6 ? p[c] : p[0];
            picture.rgb.push_back(media::overWhite(value, alpha));
        }
    }
    return picture;
}

}  // namespace facet::test
