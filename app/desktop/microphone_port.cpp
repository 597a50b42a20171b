#include "microphone_port.h"

using facet::capture::Microphone;
using facet::ui::RecorderPort;

MicrophonePort::MicrophonePort(Microphone *microphone, QObject *parent)
    : RecorderPort(parent), m_microphone(microphone) {
    connect(microphone, &Microphone::level, this, &RecorderPort::level);
    connect(microphone, &Microphone::finished, this, &RecorderPort::finished);
    connect(microphone, &Microphone::failed, this, &RecorderPort::failed);
    connect(microphone, &Microphone::availabilityChanged, this, &RecorderPort::availabilityChanged);
}
