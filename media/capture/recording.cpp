#include "capture/recording.h"

#include <QtEndian>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace facet::capture {
namespace {

constexpr qint64 kHeaderSize = 44;
constexpr qint64 kHeaderEvery = 2 * kSampleRate; // bytes of a second

template <typename T>
void put(QByteArray &bytes, T value) {
    const T little = qToLittleEndian(value);
    bytes.append(reinterpret_cast<const char *>(&little), sizeof little);
}

// Root mean square, on a scale where ordinary speech fills half of a meter.
double loudness(const QByteArray &samples) {
    double sum = 0;
    const qsizetype count = samples.size() / 2;
    for (qsizetype i = 0; i < count; ++i) {
        const double value = qFromLittleEndian<qint16>(samples.constData() + 2 * i) / 32768.0;
        sum += value * value;
    }
    return count == 0 ? 0 : std::min(std::sqrt(std::sqrt(sum / static_cast<double>(count))), 1.0);
}

} // namespace

Error Recording::fault() const {
    const bool full = m_file.error() == QFileDevice::ResourceError || m_file.error() == QFileDevice::WriteError;
    return Error{full ? ErrorCode::DiskFull : ErrorCode::FileWriteFailed,
                 "The recording could not be saved; check whether there is room on the disk. What came before is kept.",
                 m_file.errorString().toStdString(), m_file.fileName().toStdString()};
}

Status Recording::open(const QString &path) {
    m_file.setFileName(path);
    if (!m_file.open(QIODevice::WriteOnly | QIODevice::NewOnly | QIODevice::Unbuffered)) {
        return fault();
    }
    return writeHeader();
}

Status Recording::writeHeader() {
    const auto data =
        static_cast<quint32>(std::min<qint64>(m_dataBytes, std::numeric_limits<quint32>::max() - kHeaderSize));
    QByteArray header("RIFF");
    put<quint32>(header, data + static_cast<quint32>(kHeaderSize) - 8);
    header += "WAVEfmt ";
    put<quint32>(header, 16);
    put<quint16>(header, 1); // PCM
    put<quint16>(header, 1); // channels
    put<quint32>(header, kSampleRate);
    put<quint32>(header, kSampleRate * 2); // bytes a second
    put<quint16>(header, 2);               // bytes a frame
    put<quint16>(header, 16);              // bits
    header += "data";
    put<quint32>(header, data);
    if (!m_file.seek(0) || m_file.write(header) != header.size() || !m_file.seek(kHeaderSize + m_dataBytes)) {
        return fault();
    }
    m_headerBytes = m_dataBytes;
    return ok();
}

Result<double> Recording::write(QByteArrayView bytes) {
    const QByteArray samples = m_converter.convert(bytes);
    if (samples.isEmpty()) {
        return 0.0;
    }
    if (m_file.write(samples) != samples.size()) {
        return fault();
    }
    m_dataBytes += samples.size();
    if (m_dataBytes - m_headerBytes >= kHeaderEvery) {
        FACET_CHECK(writeHeader());
    }
    return loudness(samples);
}

Status Recording::finish() {
    FACET_CHECK(writeHeader());
    m_file.close();
    return ok();
}

void Recording::discard() {
    m_file.close();
    m_file.remove();
}

} // namespace facet::capture
