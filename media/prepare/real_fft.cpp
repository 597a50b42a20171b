#include "real_fft.h"

#include <cmath>
#include <numbers>

namespace facet::media {

namespace {

// std::complex multiplication checks for NaN and infinity; this one does not.
std::complex<double> times(std::complex<double> a, std::complex<double> b) noexcept {
    return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}

}  // namespace

RealFft::RealFft(std::size_t length) : m_half(length / 2), m_twiddles(m_half), m_reversed(m_half), m_work(m_half) {
    for (std::size_t k = 0; k < m_half; ++k) {
        const double angle = -2.0 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(length);
        m_twiddles[k] = {std::cos(angle), std::sin(angle)};
    }
    for (std::size_t i = 1; i < m_half; ++i) {
        m_reversed[i] = (m_reversed[i / 2] / 2) | ((i & 1) ? m_half / 2 : 0);
    }
}

void RealFft::transform() {
    for (std::size_t size = 2; size <= m_half; size *= 2) {
        const std::size_t stride = 2 * m_half / size;  // in the table of the full length
        for (std::size_t start = 0; start < m_half; start += size) {
            for (std::size_t k = 0; k < size / 2; ++k) {
                const std::complex<double> even = m_work[start + k];
                const std::complex<double> odd = times(m_twiddles[k * stride], m_work[start + k + size / 2]);
                m_work[start + k] = even + odd;
                m_work[start + k + size / 2] = even - odd;
            }
        }
    }
}

void RealFft::magnitudes(std::span<const double> input, std::span<double> output) {
    // Two real values per complex one: half the length, untangled afterwards.
    for (std::size_t i = 0; i < m_half; ++i) {
        m_work[m_reversed[i]] = {input[2 * i], input[2 * i + 1]};
    }
    transform();
    output[0] = std::fabs(m_work[0].real() + m_work[0].imag());
    output[m_half] = std::fabs(m_work[0].real() - m_work[0].imag());
    for (std::size_t k = 1; k < m_half; ++k) {
        const std::complex<double> a = m_work[k];
        const std::complex<double> b = std::conj(m_work[m_half - k]);
        const std::complex<double> even = 0.5 * (a + b);
        const std::complex<double> difference = 0.5 * (a - b);
        const std::complex<double> odd{difference.imag(), -difference.real()};
        const std::complex<double> value = even + times(m_twiddles[k], odd);
        output[k] = std::sqrt(value.real() * value.real() + value.imag() * value.imag());
    }
}

}  // namespace facet::media
