// Magnitudes of a real Fourier transform of fixed power-of-two length, in double: the log-mel front end needs nothing else.
#pragma once

#include <complex>
#include <cstddef>
#include <span>
#include <vector>

namespace facet::media {

class RealFft {
public:
    // length: a power of two >= 4.
    explicit RealFft(std::size_t length);

    std::size_t length() const noexcept { return m_half * 2; }
    // input: length() values; output: length() / 2 + 1 magnitudes. Not thread-safe (own work buffer).
    void magnitudes(std::span<const double> input, std::span<double> output);

private:
    void transform();  // in place over m_work, half length

    std::size_t m_half;
    std::vector<std::complex<double>> m_twiddles;  // exp(-2 pi i k / length), k < length / 2
    std::vector<std::size_t> m_reversed;
    std::vector<std::complex<double>> m_work;
};

}  // namespace facet::media
