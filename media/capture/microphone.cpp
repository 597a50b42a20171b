#include "capture/microphone.h"

#include "capture/recording.h"

#include <QAudioDevice>
#include <QAudioSource>
#include <QDateTime>
#include <QDir>
#include <QFileInfo>
#include <QMediaDevices>
#include <QPointer>

#include <functional>
#include <utility>

namespace facet::capture {
namespace {

constexpr int kKeepDays = 7;

SourceFormat sourceFormat(const QAudioFormat &format) {
    SourceFormat source;
    source.channels = format.channelCount();
    source.rate = format.sampleRate();
    switch (format.sampleFormat()) {
    case QAudioFormat::UInt8: source.kind = SampleKind::UInt8; break;
    case QAudioFormat::Int32: source.kind = SampleKind::Int32; break;
    case QAudioFormat::Float: source.kind = SampleKind::Float; break;
    default: source.kind = SampleKind::Int16;
    }
    return source;
}

QAudioFormat bestFormat(const QAudioDevice &device) {
    QAudioFormat wanted;
    wanted.setSampleRate(kSampleRate);
    wanted.setChannelCount(1);
    wanted.setSampleFormat(QAudioFormat::Int16);
    return device.isFormatSupported(wanted) ? wanted : device.preferredFormat();
}

} // namespace

// Everything that talks to the device, in the capture thread. `report` is called there too and passes things on.
class Microphone::Worker : public QObject {
public:
    struct Report {
        std::function<void(const QString &reason)> availability;
        std::function<void(quint64, double loudness, double seconds)> level;
        std::function<void(quint64, const QString &path)> finished;
        std::function<void(quint64, const QString &sentence)> failed;
    };

    Worker(Report report, int maxSeconds) : m_report(std::move(report)), m_maxSeconds(maxSeconds) {}

    // Recordings are copied into the media store when they are attached; what is left here was never used.
    static void removeOld(const QDir &folder) {
        const QDateTime oldest = QDateTime::currentDateTime().addDays(-kKeepDays);
        for (const QFileInfo &info : folder.entryInfoList({QStringLiteral("*.wav")}, QDir::Files)) {
            if (info.lastModified() < oldest) {
                QFile::remove(info.filePath());
            }
        }
    }

    void watchDevices() {
        m_devices = std::make_unique<QMediaDevices>();
        connect(m_devices.get(), &QMediaDevices::audioInputsChanged, this, [this] { m_report.availability(reason()); });
        m_report.availability(reason());
    }

    void start(quint64 number, const QString &path) {
        const QString why = reason();
        if (!why.isEmpty()) {
            m_report.failed(number, why);
            return;
        }
        const QAudioDevice device = QMediaDevices::defaultAudioInput();
        const QAudioFormat format = bestFormat(device);
        if (!sourceFormat(format).isUsable()) {
            m_report.failed(
                number, tr("The microphone delivers a kind of sound that Facet does not know; choose another one."));
            return;
        }
        m_number = number;
        m_recording = std::make_unique<Recording>(sourceFormat(format));
        if (const Status opened = m_recording->open(path); !opened) {
            m_recording.reset();
            m_report.failed(number, QString::fromStdString(opened.error().message));
            return;
        }
        m_source = std::make_unique<QAudioSource>(device, format);
        m_input = m_source->start();
        if (!m_input) {
            m_recording->discard();
            close();
            m_report.failed(number, tr("The microphone could not be opened; check whether another program uses it."));
            return;
        }
        connect(m_source.get(), &QAudioSource::stateChanged, this, [this](QAudio::State state) {
            if (state == QAudio::StoppedState && m_source && m_source->error() != QAudio::NoError) {
                end(tr("The microphone stopped working; what was recorded until then is kept."));
            }
        });
        connect(m_input, &QIODevice::readyRead, this, [this] { take(); });
    }

    void stop() {
        if (m_recording) {
            take();
            end({});
        }
    }

    void cancel() {
        if (m_recording) {
            m_recording->discard();
            close();
        }
    }

private:
    static QString reason() {
        return QMediaDevices::audioInputs().isEmpty() ? tr("No microphone is connected.") : QString();
    }

    void take() {
        if (!m_input || !m_recording) {
            return;
        }
        const Result<double> loudness = m_recording->write(m_input->readAll());
        if (!loudness) {
            end(QString::fromStdString(loudness.error().message));
            return;
        }
        m_report.level(m_number, *loudness, m_recording->seconds());
        if (m_recording->seconds() >= m_maxSeconds) {
            end({});
        }
    }

    // With a sentence the recording ended early; the file is good all the same if anything is in it.
    void end(const QString &sentence) {
        const auto recording = std::move(m_recording);
        close();
        const bool empty = recording->seconds() <= 0;
        const Status finished = recording->finish();
        if (empty || !finished) {
            recording->discard();
            m_report.failed(m_number, !sentence.isEmpty() ? sentence : tr("The microphone delivered no sound."));
            return;
        }
        if (!sentence.isEmpty()) {
            m_report.failed(m_number, sentence);
        }
        m_report.finished(m_number, recording->path());
    }

    void close() {
        m_recording.reset();
        m_input = nullptr;
        if (m_source) {
            m_source->disconnect(this);
            m_source->stop();
            m_source.release()->deleteLater(); // may be the sender
        }
    }

    Report m_report;
    int m_maxSeconds;
    quint64 m_number = 0;
    std::unique_ptr<QMediaDevices> m_devices;
    std::unique_ptr<QAudioSource> m_source;
    QPointer<QIODevice> m_input;
    std::unique_ptr<Recording> m_recording;
};

Microphone::Microphone(const QString &folder, int maxSeconds, QObject *parent)
    : QObject(parent), m_folder(folder), m_reason(tr("The microphone is being looked for.")) {
    // Each function hops to the thread of this object; what is on its way when it dies is dropped by Qt.
    Worker::Report report;
    report.availability = [this](const QString &reason) {
        QMetaObject::invokeMethod(
            this,
            [this, reason] {
                m_reason = reason;
                emit availabilityChanged();
            },
            Qt::QueuedConnection);
    };
    report.level = [this](quint64 number, double loudness, double seconds) {
        QMetaObject::invokeMethod(
            this,
            [this, number, loudness, seconds] {
                if (number == m_number && m_recording) {
                    emit level(loudness, seconds);
                }
            },
            Qt::QueuedConnection);
    };
    report.finished = [this](quint64 number, const QString &path) {
        QMetaObject::invokeMethod(
            this,
            [this, number, path] {
                if (number == m_number) {
                    m_recording = false;
                    emit finished(path);
                }
            },
            Qt::QueuedConnection);
    };
    report.failed = [this](quint64 number, const QString &sentence) {
        QMetaObject::invokeMethod(
            this,
            [this, number, sentence] {
                if (number == m_number) {
                    m_recording = false;
                    emit failed(sentence);
                }
            },
            Qt::QueuedConnection);
    };
    m_worker = std::make_unique<Worker>(std::move(report), maxSeconds);
    m_worker->moveToThread(&m_thread);
    m_thread.setObjectName(QStringLiteral("capture"));
    m_thread.start();
    QMetaObject::invokeMethod(
        m_worker.get(),
        [worker = m_worker.get(), folder] {
            worker->watchDevices();
            Worker::removeOld(QDir(folder));
        },
        Qt::QueuedConnection);
}

Microphone::~Microphone() {
    QMetaObject::invokeMethod(
        m_worker.get(),
        [this] {
            m_worker->stop(); // a running recording is kept
            m_worker.reset();
            m_thread.quit();
        },
        Qt::QueuedConnection);
    m_thread.wait();
}

void Microphone::start() {
    if (m_recording) {
        return;
    }
    m_recording = true;
    const quint64 number = ++m_number;
    const QString name = QDateTime::currentDateTime().toString(QStringLiteral("yyyy-MM-dd-HHmmss-zzz"));
    const QString path = QDir(m_folder).filePath(tr("recording") + QLatin1Char('-') + name + QStringLiteral(".wav"));
    QMetaObject::invokeMethod(
        m_worker.get(), [worker = m_worker.get(), number, path] { worker->start(number, path); }, Qt::QueuedConnection);
}

void Microphone::stop() {
    QMetaObject::invokeMethod(
        m_worker.get(), [worker = m_worker.get()] { worker->stop(); }, Qt::QueuedConnection);
}

void Microphone::cancel() {
    ++m_number;
    m_recording = false;
    QMetaObject::invokeMethod(
        m_worker.get(), [worker = m_worker.get()] { worker->cancel(); }, Qt::QueuedConnection);
}

} // namespace facet::capture
