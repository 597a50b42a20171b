// Records from the default microphone into a WAV file, on a thread of its own: disk first, then the signals. Recordings
// older than a week are removed from the folder.
//
//     Microphone microphone(folder);
//     connect(&microphone, &Microphone::finished, ...);
//     microphone.start();
#pragma once

#include <QObject>
#include <QString>
#include <QThread>

#include <memory>

namespace facet::capture {

class Microphone : public QObject {
    Q_OBJECT
public:
    // Recordings are made in `folder`. They end by themselves after `maxSeconds`.
    explicit Microphone(const QString &folder, int maxSeconds = 3600, QObject *parent = nullptr);
    ~Microphone() override;

    // A sentence that says why nothing can be recorded; empty: it can. Looked up in the background;
    // availabilityChanged() tells.
    QString unavailableReason() const { return m_reason; }
    bool isRecording() const { return m_recording; }

    void start();
    void stop();
    void cancel();

signals:
    void level(double loudness, double seconds);
    void finished(const QString &path);
    void failed(const QString &sentence);
    void availabilityChanged();

private:
    class Worker;

    QThread m_thread;
    std::unique_ptr<Worker> m_worker; // lives in m_thread
    QString m_folder, m_reason;
    bool m_recording = false;
    quint64 m_number = 0; // of the recording; late signals of a cancelled one are dropped
};

} // namespace facet::capture
