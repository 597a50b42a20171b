#include "capture/sample_converter.h"

#include <QtEndian>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace facet::capture {
namespace {

int bytesPerSample(SampleKind kind) {
    switch (kind) {
    case SampleKind::UInt8: return 1;
    case SampleKind::Int16: return 2;
    case SampleKind::Int32:
    case SampleKind::Float: return 4;
    }
    return 2;
}

template <typename T>
T read(const char *at) {
    T value;
    std::memcpy(&value, at, sizeof value);
    return value;
}

float sampleValue(SampleKind kind, const char *at) {
    switch (kind) {
    case SampleKind::UInt8: return static_cast<float>(read<quint8>(at)) / 128.0F - 1.0F;
    case SampleKind::Int16: return static_cast<float>(read<qint16>(at)) / 32768.0F;
    case SampleKind::Int32: return static_cast<float>(read<qint32>(at)) / 2147483648.0F;
    case SampleKind::Float: {
        const float value = read<float>(at);
        return std::isfinite(value) ? value : 0.0F;
    }
    }
    return 0;
}

} // namespace

int SourceFormat::bytesPerFrame() const { return bytesPerSample(kind) * channels; }

float SampleConverter::frameValue(const char *frame) const {
    float sum = 0;
    for (int channel = 0; channel < m_format.channels; ++channel) {
        sum += sampleValue(m_format.kind, frame + channel * bytesPerSample(m_format.kind));
    }
    return sum / static_cast<float>(m_format.channels);
}

QByteArray SampleConverter::convert(QByteArrayView bytes) {
    m_rest.append(bytes.data(), bytes.size());
    const int frameBytes = m_format.bytesPerFrame();
    const qsizetype frames = m_rest.size() / frameBytes;
    for (qsizetype i = 0; i < frames; ++i) {
        m_input.push_back(frameValue(m_rest.constData() + i * frameBytes));
    }
    m_rest.remove(0, frames * frameBytes);

    const double step = static_cast<double>(m_format.rate) / kSampleRate; // frames per new sample
    QByteArray out;
    // Up: needs the frame after the position. Down: the frames of the whole step.
    while (m_position + std::max(step, 1.0) <= static_cast<double>(m_input.size()) - (step < 1 ? 1 : 0)) {
        const auto first = static_cast<std::size_t>(m_position);
        float value = 0;
        if (step <= 1) {
            const float part = static_cast<float>(m_position - static_cast<double>(first));
            const float next = step < 1 ? m_input[first + 1] : 0;
            value = m_input[first] * (1 - part) + next * part;
        } else {
            const auto last = std::min(static_cast<std::size_t>(m_position + step), m_input.size());
            for (std::size_t i = first; i < last; ++i) {
                value += m_input[i];
            }
            value /= static_cast<float>(std::max<std::size_t>(last - first, 1));
        }
        const auto sample = static_cast<qint16>(std::lround(std::clamp(value, -1.0F, 1.0F) * 32767.0F));
        const qint16 little = qToLittleEndian(sample);
        out.append(reinterpret_cast<const char *>(&little), sizeof little);
        m_position += step;
    }
    const auto used = std::min(static_cast<std::size_t>(m_position), m_input.size());
    m_input.erase(m_input.begin(), m_input.begin() + static_cast<std::ptrdiff_t>(used));
    m_position -= static_cast<double>(used);
    return out;
}

} // namespace facet::capture
