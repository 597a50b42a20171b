// What a sound device delivers, as 16 kHz mono int16: what the models hear.
#pragma once

#include <QByteArray>
#include <QByteArrayView>

#include <vector>

namespace facet::capture {

inline constexpr int kSampleRate = 16000;

enum class SampleKind { UInt8, Int16, Int32, Float };

struct SourceFormat {
    SampleKind kind = SampleKind::Int16;
    int channels = 1;
    int rate = kSampleRate;

    bool isUsable() const { return channels >= 1 && channels <= 32 && rate >= 4000 && rate <= 768000; }
    int bytesPerFrame() const;
};

// Mixes channels and changes the rate. Going down it averages over each new sample's span, which is low-pass enough for
// speech; going up it interpolates. Keeps what belongs to the next call.
class SampleConverter {
public:
    explicit SampleConverter(const SourceFormat &format) : m_format(format) {}

    // Little-endian int16 samples.
    QByteArray convert(QByteArrayView bytes);

private:
    float frameValue(const char *frame) const;

    SourceFormat m_format;
    QByteArray m_rest;          // bytes of an incomplete frame
    std::vector<float> m_input; // mono frames that are not used up
    double m_position = 0;      // of the next new sample, in frames of m_input
};

} // namespace facet::capture
