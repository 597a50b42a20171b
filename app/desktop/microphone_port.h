// The microphone as the window wants it.
#pragma once

#include "capture/microphone.h"
#include "ui/composer/recorder_port.h"

class MicrophonePort final : public facet::ui::RecorderPort {
    Q_OBJECT
public:
    explicit MicrophonePort(facet::capture::Microphone *microphone, QObject *parent = nullptr);

    QString unavailableReason() const override { return m_microphone->unavailableReason(); }
    bool isRecording() const override { return m_microphone->isRecording(); }
    void start() override { m_microphone->start(); }
    void stop() override { m_microphone->stop(); }
    void cancel() override { m_microphone->cancel(); }

private:
    facet::capture::Microphone *m_microphone;
};
