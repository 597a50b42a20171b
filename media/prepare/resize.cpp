// Bicubic resize with antialiasing in fixed point, bit-exact with the reference (vision.md section 2.3): horizontal pass
// first, rounded to 8 bits, then the vertical one. Rows stream through: the horizontally resized picture is never held,
// each of its rows is added to the few output rows that it touches.
#include "facet/media/prepare.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <deque>

namespace facet::media {

namespace {

constexpr int kMaxPrecision = 22;
// With more taps than this a sum of weight * 255 may leave 32 bits (rounding of the many tiny weights adds up).
constexpr std::int64_t kMaxTapsFor32Bits = 1 << 20;
// Weights held at a time in the horizontal pass.
constexpr std::int64_t kMaxHeldTaps = 1 << 22;

// Keys' kernel with a = -0.5.
double bicubic(double x) noexcept {
    x = std::fabs(x);
    if (x < 1.0) return (1.5 * x - 2.5) * x * x + 1.0;
    if (x < 2.0) return ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0;
    return 0.0;
}

// Which input samples make an output sample, and with what weights.
struct Taps {
    std::int64_t begin = 0;
    std::vector<std::int16_t> weights;
    std::int64_t end() const noexcept { return begin + static_cast<std::int64_t>(weights.size()); }
};

class Axis {
public:
    Axis(std::int64_t from, std::int64_t to)
        : m_from(from), m_to(to), m_ratio(static_cast<double>(from) / static_cast<double>(to)),
          m_scale(std::max(m_ratio, 1.0)), m_inverse(m_ratio >= 1.0 ? 1.0 / m_ratio : 1.0) {
        if (unchanged()) return;
        double largest = 0;
        for (std::int64_t i = 0; i < m_to; ++i) {
            weigh(i);
            largest = std::max(largest, *std::max_element(m_weights.begin(), m_weights.end()));
        }
        while (m_precision < kMaxPrecision &&
               std::floor(0.5 + std::ldexp(largest, m_precision + 1)) < 32768.0) {
            ++m_precision;
        }
    }

    bool unchanged() const noexcept { return m_from == m_to; }
    std::int64_t size() const noexcept { return m_to; }
    int precision() const noexcept { return m_precision; }
    std::int64_t maxTaps() const noexcept { return static_cast<std::int64_t>(4 * m_scale) + 2; }

    Taps taps(std::int64_t i) {
        Taps t;
        t.begin = weigh(i);
        t.weights.resize(m_weights.size());
        const double one = std::ldexp(1.0, m_precision);
        for (std::size_t j = 0; j < m_weights.size(); ++j) {
            const double scaled = m_weights[j] * one;
            t.weights[j] = static_cast<std::int16_t>(scaled < 0 ? scaled - 0.5 : scaled + 0.5);  // half away from zero
        }
        return t;
    }

private:
    // Fills m_weights with the normalised weights of output i; returns the first input sample.
    std::int64_t weigh(std::int64_t i) {
        const double centre = m_ratio * (static_cast<double>(i) + 0.5);
        const double support = 2.0 * m_scale;
        const std::int64_t lowest = static_cast<std::int64_t>(centre - support + 0.5);
        const std::int64_t begin = std::clamp<std::int64_t>(lowest, 0, m_from - 1);
        const std::int64_t end = std::clamp<std::int64_t>(static_cast<std::int64_t>(centre + support + 0.5), begin + 1, m_from);
        m_weights.resize(static_cast<std::size_t>(end - begin));
        double sum = 0;
        const double base = static_cast<double>(begin) - centre;
        for (std::size_t j = 0; j < m_weights.size(); ++j) {
            m_weights[j] = bicubic((static_cast<double>(j) + base + 0.5) * m_inverse);
            sum += m_weights[j];
        }
        if (sum != 0) {
            for (double &w : m_weights) w /= sum;
        }
        return begin;
    }

    std::int64_t m_from, m_to;
    double m_ratio, m_scale, m_inverse;
    int m_precision = 0;
    std::vector<double> m_weights;
};

template <typename Sum>
std::uint8_t toByte(Sum sum, int precision) noexcept {
    const Sum half = Sum{1} << (precision - 1);
    return static_cast<std::uint8_t>(std::clamp<Sum>((sum + half) >> precision, 0, 255));
}

template <typename Sum>
Sum dotProduct(const std::int16_t *x, const std::int16_t *w, std::size_t n) noexcept {
    Sum sum = 0;
    for (std::size_t j = 0; j < n; ++j) sum += static_cast<Sum>(static_cast<std::int32_t>(x[j]) * w[j]);
    return sum;
}

// The horizontal pass, row by row. For absurdly wide pictures the weights do not fit a table; then it holds none and
// makes them anew for every row (such pictures have few rows).
template <typename Sum>
class HorizontalPass {
public:
    HorizontalPass(Axis &axis, int sourceWidth) : m_axis(axis), m_width(sourceWidth) {
        if (m_axis.unchanged()) return;
        m_planes.resize(static_cast<std::size_t>(m_width) * 3);
        m_line.resize(static_cast<std::size_t>(m_axis.size()) * 3);
        if (m_axis.maxTaps() <= kMaxHeldTaps / m_axis.size()) {
            m_held.reserve(static_cast<std::size_t>(m_axis.size()));
            for (std::int64_t i = 0; i < m_axis.size(); ++i) m_held.push_back(m_axis.taps(i));
        }
    }

    // [targetWidth, 3]; valid until the next call.
    const std::uint8_t *row(const std::uint8_t *source) {
        if (m_axis.unchanged()) return source;
        const std::size_t n = static_cast<std::size_t>(m_width);
        std::int16_t *red = m_planes.data(), *green = red + n, *blue = green + n;
        for (std::size_t x = 0; x < n; ++x) {
            red[x] = source[3 * x];
            green[x] = source[3 * x + 1];
            blue[x] = source[3 * x + 2];
        }
        for (std::int64_t i = 0; i < m_axis.size(); ++i) {
            if (m_held.empty()) {
                write(i, m_axis.taps(i));
            } else {
                write(i, m_held[static_cast<std::size_t>(i)]);
            }
        }
        return m_line.data();
    }

private:
    void write(std::int64_t i, const Taps &taps) noexcept {
        for (int c = 0; c < 3; ++c) {
            const std::int16_t *plane = m_planes.data() + static_cast<std::size_t>(c) * static_cast<std::size_t>(m_width);
            const Sum sum = dotProduct<Sum>(plane + taps.begin, taps.weights.data(), taps.weights.size());
            m_line[static_cast<std::size_t>(3 * i + c)] = toByte<Sum>(sum, m_axis.precision());
        }
    }

    Axis &m_axis;
    int m_width;
    std::vector<Taps> m_held;
    std::vector<std::int16_t> m_planes;  // [3, width]
    std::vector<std::uint8_t> m_line;
};

// An output row that still waits for input rows.
template <typename Sum>
struct OpenRow {
    Taps taps;
    std::vector<Sum> sums;  // [targetWidth * 3]
};

template <typename Sum>
void resizeInto(const Picture &from, Axis &across, Axis &down, Picture &to) {
    HorizontalPass<Sum> horizontal(across, from.width);
    const std::size_t lineBytes = static_cast<std::size_t>(to.width) * 3;
    const std::size_t sourceBytes = static_cast<std::size_t>(from.width) * 3;
    if (down.unchanged()) {
        for (std::size_t y = 0; y < static_cast<std::size_t>(to.height); ++y) {
            const std::uint8_t *line = horizontal.row(from.rgb.data() + y * sourceBytes);
            std::copy(line, line + lineBytes, to.rgb.data() + y * lineBytes);
        }
        return;
    }
    std::deque<OpenRow<Sum>> open;
    std::int64_t done = 0;    // output rows written
    std::int64_t opened = 0;  // output rows begun; those in between are in `open`
    Taps upcoming = down.taps(0);
    for (std::int64_t y = 0; y < from.height; ++y) {
        const std::uint8_t *line = horizontal.row(from.rgb.data() + static_cast<std::size_t>(y) * sourceBytes);
        while (opened < to.height && upcoming.begin <= y) {
            open.push_back({std::move(upcoming), std::vector<Sum>(lineBytes)});
            if (++opened < to.height) upcoming = down.taps(opened);
        }
        for (OpenRow<Sum> &row : open) {
            if (y >= row.taps.end()) continue;
            const Sum weight = row.taps.weights[static_cast<std::size_t>(y - row.taps.begin)];
            Sum *sums = row.sums.data();
            for (std::size_t x = 0; x < lineBytes; ++x) sums[x] += weight * static_cast<Sum>(line[x]);
        }
        while (!open.empty() && open.front().taps.end() <= y + 1) {
            std::uint8_t *out = to.rgb.data() + static_cast<std::size_t>(done) * lineBytes;
            const Sum *sums = open.front().sums.data();
            for (std::size_t x = 0; x < lineBytes; ++x) out[x] = toByte<Sum>(sums[x], down.precision());
            open.pop_front();
            ++done;
        }
    }
}

}  // namespace

Picture resize(const Picture &picture, int width, int height) {
    Picture out;
    const std::size_t expected = static_cast<std::size_t>(std::max(picture.width, 0)) *
                                 static_cast<std::size_t>(std::max(picture.height, 0)) * 3;
    if (width <= 0 || height <= 0 || expected == 0 || picture.rgb.size() != expected) return out;
    if (picture.width == width && picture.height == height) return picture;
    out.width = width;
    out.height = height;
    out.contentHash = picture.contentHash;
    out.rgb.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
    Axis across(picture.width, width);
    Axis down(picture.height, height);
    if (std::max(across.maxTaps(), down.maxTaps()) <= kMaxTapsFor32Bits) {
        resizeInto<std::int32_t>(picture, across, down, out);
    } else {
        resizeInto<std::int64_t>(picture, across, down, out);
    }
    return out;
}

}  // namespace facet::media
