#include "grammar/code_points.h"

#include <algorithm>
#include <array>

namespace facet::grammar {

namespace {

constexpr std::uint32_t kSurrogateFirst = 0xD800, kSurrogateLast = 0xDFFF;

int encodeUtf8(std::uint32_t cp, std::array<unsigned char, 4> &out) {
    const auto tail = [cp](unsigned shift) { return static_cast<unsigned char>(0x80U | ((cp >> shift) & 0x3FU)); };
    if (cp < 0x80) return out[0] = static_cast<unsigned char>(cp), 1;
    if (cp < 0x800) return out[0] = static_cast<unsigned char>(0xC0U | (cp >> 6U)), out[1] = tail(0), 2;
    if (cp < 0x10000)
        return out[0] = static_cast<unsigned char>(0xE0U | (cp >> 12U)), out[1] = tail(6), out[2] = tail(0), 3;
    out = {static_cast<unsigned char>(0xF0U | (cp >> 18U)), tail(12), tail(6), tail(0)};
    return 4;
}

// Branches that spell the code points low..high, all of one encoded length and none of them a surrogate.
void spellSameLength(GrammarBuilder &b, std::uint32_t low, std::uint32_t high, int length, std::vector<ExprId> &out) {
    // Cut where the trailing bytes stop running from 80 to BF, the last ones first.
    for (int i = 1; i < length; ++i) {
        const std::uint32_t mask = (1U << (6U * static_cast<unsigned>(i))) - 1;
        if ((low & ~mask) == (high & ~mask)) continue;
        if ((low & mask) != 0) {
            spellSameLength(b, low, low | mask, length, out);
            spellSameLength(b, (low | mask) + 1, high, length, out);
            return;
        }
        if ((high & mask) != mask) {
            spellSameLength(b, low, (high & ~mask) - 1, length, out);
            spellSameLength(b, high & ~mask, high, length, out);
            return;
        }
    }
    std::array<unsigned char, 4> first{}, last{};
    encodeUtf8(low, first);
    encodeUtf8(high, last);
    std::vector<ExprId> bytes;
    for (int i = 0; i < length; ++i)
        bytes.push_back(b.bytes(byteRange(first[static_cast<std::size_t>(i)], last[static_cast<std::size_t>(i)])));
    out.push_back(b.sequence(std::move(bytes)));
}

void spellUtf8(GrammarBuilder &b, CodePointRange range, std::vector<ExprId> &out) {
    constexpr std::array<std::uint32_t, 4> kEnds = {0x7F, 0x7FF, 0xFFFF, kLastCodePoint};
    std::uint32_t low = range.low;
    for (int i = 1; i < 4; ++i) {  // one-byte ones are collected by the caller
        const std::uint32_t begin = std::max(low, kEnds[static_cast<std::size_t>(i) - 1] + 1);
        const std::uint32_t end = std::min(range.high, kEnds[static_cast<std::size_t>(i)]);
        if (begin > end) continue;
        if (begin < kSurrogateFirst && end >= kSurrogateFirst) {
            spellSameLength(b, begin, kSurrogateFirst - 1, i + 1, out);
            if (end > kSurrogateLast) spellSameLength(b, kSurrogateLast + 1, end, i + 1, out);
        } else if (begin >= kSurrogateFirst && begin <= kSurrogateLast) {
            if (end > kSurrogateLast) spellSameLength(b, kSurrogateLast + 1, end, i + 1, out);
        } else {
            spellSameLength(b, begin, end, i + 1, out);
        }
    }
}

ByteSet hexDigits() { return byteRange('0', '9') | byteRange('a', 'f') | byteRange('A', 'F'); }

// How JSON writes a character that must not stand as itself.
void spellEscaped(GrammarBuilder &b, unsigned char c, std::vector<ExprId> &out) {
    if (c == '"' || c == '\\') {
        out.push_back(b.literal(std::string{'\\', static_cast<char>(c)}));
        return;
    }
    constexpr std::string_view kShort = "\b\f\n\r\t", kLetters = "bfnrt";
    if (const std::size_t at = kShort.find(static_cast<char>(c)); at != std::string_view::npos)
        out.push_back(b.literal(std::string{'\\', kLetters[at]}));
    const unsigned digit = c % 16U;
    ByteSet last;
    last.set(static_cast<std::size_t>("0123456789abcdef"[digit]));
    last.set(static_cast<std::size_t>("0123456789ABCDEF"[digit]));
    out.push_back(b.sequence({b.literal(c < 16 ? "\\u000" : "\\u001"), b.bytes(last)}));
}

}  // namespace

CodePointSet normalised(CodePointSet ranges) {
    std::erase_if(ranges, [](const CodePointRange &r) { return r.low > r.high; });
    std::sort(ranges.begin(), ranges.end(), [](const auto &a, const auto &b) { return a.low < b.low; });
    CodePointSet out;
    for (const CodePointRange &r : ranges) {
        if (!out.empty() && r.low <= out.back().high + 1) out.back().high = std::max(out.back().high, r.high);
        else out.push_back(r);
    }
    return out;
}

CodePointSet complementOf(const CodePointSet &set) {
    CodePointSet out;
    std::uint32_t next = 0;
    for (const CodePointRange &r : set) {
        if (r.low > next) out.push_back({next, r.low - 1});
        next = r.high + 1;
    }
    if (next <= kLastCodePoint) out.push_back({next, kLastCodePoint});
    return out;
}

CodePointSet anyCodePoint() { return {{0, kLastCodePoint}}; }

ExprId spell(GrammarBuilder &builder, const CodePointSet &set, Spelling spelling) {
    std::vector<ExprId> branches;
    ByteSet single;
    for (const CodePointRange &range : set) {
        for (std::uint32_t c = range.low; c <= std::min(range.high, 0x7FU); ++c) {
            const bool plain = spelling == Spelling::Plain || (c >= 0x20 && c != '"' && c != '\\');
            if (plain) single.set(c);
            else spellEscaped(builder, static_cast<unsigned char>(c), branches);
        }
        spellUtf8(builder, range, branches);
    }
    branches.insert(branches.begin(), builder.bytes(single));
    return builder.choice(std::move(branches));
}

ExprId spellText(GrammarBuilder &builder, std::string_view utf8, Spelling spelling) {
    if (spelling == Spelling::Plain) return builder.literal(utf8);
    std::vector<ExprId> parts;
    std::string run;
    for (const char c : utf8) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && c != '"' && c != '\\') {
            run += c;
            continue;
        }
        parts.push_back(builder.literal(run));
        run.clear();
        std::vector<ExprId> branches;
        spellEscaped(builder, byte, branches);
        parts.push_back(builder.choice(std::move(branches)));
    }
    parts.push_back(builder.literal(run));
    return builder.sequence(std::move(parts));
}

ExprId anyJsonCharacter(GrammarBuilder &builder) {
    ByteSet shortEscapes;
    for (const char c : std::string_view("\"\\/bfnrt")) shortEscapes.set(static_cast<unsigned char>(c));
    const auto oneOf = [&builder](std::string_view letters) {
        ByteSet set;
        for (const char c : letters) set.set(static_cast<unsigned char>(c));
        return builder.bytes(set);
    };
    const ExprId hex = builder.bytes(hexDigits());
    // A high surrogate is followed by a low one; alone they stand for nothing.
    const ExprId unit = builder.choice({
        builder.sequence({oneOf("0123456789abcefABCEF"), hex, hex, hex}),
        builder.sequence({oneOf("dD"), oneOf("01234567"), hex, hex}),
        builder.sequence({oneOf("dD"), oneOf("89abAB"), hex, hex, builder.literal("\\u"), oneOf("dD"),
                          oneOf("cdefCDEF"), hex, hex}),
    });
    const CodePointSet plain = {{0x20, 0x21}, {0x23, 0x5B}, {0x5D, kLastCodePoint}};
    return builder.choice({spell(builder, plain, Spelling::Plain),
                           builder.sequence({builder.literal("\\"), builder.bytes(shortEscapes)}),
                           builder.sequence({builder.literal("\\u"), unit})});
}

std::uint32_t readCodePoint(std::string_view text, std::size_t &at) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const std::uint32_t lead = byte(at++);
    const int more = lead >= 0xF0 && lead < 0xF8 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
    if (lead < 0x80 || more == 0 || lead >= 0xF8 || at + static_cast<std::size_t>(more) > text.size()) return lead;
    std::uint32_t value = lead & (0x3FU >> static_cast<unsigned>(more));
    for (int i = 0; i < more; ++i) {
        if ((byte(at + static_cast<std::size_t>(i)) & 0xC0U) != 0x80) return lead;
        value = (value << 6U) | (byte(at + static_cast<std::size_t>(i)) & 0x3FU);
    }
    at += static_cast<std::size_t>(more);
    return value;
}

void appendUtf8(std::string &out, std::uint32_t codePoint) {
    std::array<unsigned char, 4> bytes{};
    const int length = encodeUtf8(codePoint, bytes);
    for (int i = 0; i < length; ++i) out += static_cast<char>(bytes[static_cast<std::size_t>(i)]);
}

}  // namespace facet::grammar
