// What the composer needs of a microphone. The program hands in an implementation over facet::capture::Microphone, so
// that the window links no multimedia library; tests hand in a scripted one.
#pragma once

#include <QObject>
#include <QString>

namespace facet::ui {

class RecorderPort : public QObject {
    Q_OBJECT
public:
    explicit RecorderPort(QObject *parent = nullptr) : QObject(parent) {}

    // A whole sentence that says why nothing can be recorded ("No microphone is connected."); empty: it can.
    virtual QString unavailableReason() const = 0;
    virtual bool isRecording() const = 0;
    virtual void start() = 0;  // level() follows several times a second, or failed()
    virtual void stop() = 0;   // finished() or failed() follows
    virtual void cancel() = 0; // throws the recording away; nothing follows

signals:
    void level(double loudness, double seconds); // loudness 0..1 of the last moment; length so far
    void finished(const QString &path);          // a complete sound file; the window hands it to the controller
    void failed(const QString &sentence);
    void availabilityChanged(); // unavailableReason() is another one now
};

} // namespace facet::ui
