// A WAV file that grows: 16 kHz, mono, int16. Every piece is on the disk before anybody hears of it, and the header is
// brought up to date each second, so that a recording survives a crash up to its last second.
#pragma once

#include "capture/sample_converter.h"
#include "facet/result.h"

#include <QByteArrayView>
#include <QFile>
#include <QString>

namespace facet::capture {

class Recording {
public:
    explicit Recording(const SourceFormat &format) : m_converter(format) {}

    Status open(const QString &path);
    // Writes what a device delivered. Returns the loudness of that piece, 0..1.
    Result<double> write(QByteArrayView bytes);
    Status finish();
    void discard(); // no file remains

    double seconds() const { return static_cast<double>(m_dataBytes) / (2.0 * kSampleRate); }
    QString path() const { return m_file.fileName(); }

private:
    Status writeHeader();
    Error fault() const;

    SampleConverter m_converter;
    QFile m_file;
    qint64 m_dataBytes = 0, m_headerBytes = 0;
};

} // namespace facet::capture
