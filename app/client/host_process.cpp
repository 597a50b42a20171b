#include "client/host_process.h"

#include <QCoreApplication>
#include <QFileInfo>
#include <QJsonDocument>
#include <QJsonObject>
#include <QRandomGenerator>
#include <QStandardPaths>

#include <array>
#include <csignal>
#include <utility>

namespace facet::client {
namespace {

constexpr int kStartTimeoutMs = 30'000;
constexpr qsizetype kMaxPortLine = 4096;
constexpr qsizetype kErrorTailBytes = 8192;
constexpr int kEndWaitMs = 2000;

QByteArray randomKey() {
    std::array<quint32, 8> words{};
    QRandomGenerator::system()->fillRange(words.data(), words.size());
    return QByteArray(reinterpret_cast<const char *>(words.data()), sizeof words).toHex();
}

} // namespace

HostProcess::HostProcess(QObject *parent) : QObject(parent) {
    m_startTimer.setSingleShot(true);
    m_startTimer.setInterval(kStartTimeoutMs);
    connect(&m_startTimer, &QTimer::timeout, this,
            [this] { giveUp(tr("The engine's program did not answer in time; try again.")); });
}

HostProcess::~HostProcess() {
    stop();
    // The window is gone: now there is time to wait.
    for (QProcess *process : findChildren<QProcess *>()) {
        process->disconnect();
        if (!process->waitForFinished(kEndWaitMs)) {
            process->kill();
            process->waitForFinished(kEndWaitMs);
        }
    }
}

QString HostProcess::findProgram() {
    const QString chosen = qEnvironmentVariable("FACET_CLI");
    const QString beside = QCoreApplication::applicationDirPath() + QStringLiteral("/facet-cli");
    for (const QString &candidate : {chosen, beside}) {
        if (!candidate.isEmpty() && QFileInfo(candidate).isExecutable()) {
            return candidate;
        }
    }
    return QStandardPaths::findExecutable(QStringLiteral("facet-cli"));
}

void HostProcess::setProgram(const QString &program, const QStringList &arguments) {
    m_program = program;
    m_arguments = arguments;
}

void HostProcess::start() {
    if (m_process) {
        return;
    }
    QString program = m_program;
    QStringList arguments = m_arguments;
    if (program.isEmpty()) {
        program = findProgram();
        arguments = {QStringLiteral("serve"), QStringLiteral("--private"), QStringLiteral("--port"),
                     QStringLiteral("0")};
        const QString cache = QStandardPaths::writableLocation(QStandardPaths::CacheLocation);
        if (!cache.isEmpty()) arguments << QStringLiteral("--cache-folder") << cache + QStringLiteral("/engine");
    }
    if (program.isEmpty()) {
        emit failedToStart(tr("The engine's program facet-cli is missing; install Facet again."));
        return;
    }
    m_key = randomKey();
    m_output.clear();
    m_errorTail.clear();
    m_port = 0;
    m_process = new QProcess(this);
    connect(m_process, &QProcess::readyReadStandardOutput, this, &HostProcess::readOutput);
    connect(m_process, &QProcess::readyReadStandardError, this,
            [this] { m_errorTail = (m_errorTail + m_process->readAllStandardError()).right(kErrorTailBytes); });
    connect(m_process, &QProcess::finished, this, &HostProcess::onFinished);
    connect(m_process, &QProcess::errorOccurred, this, [this](QProcess::ProcessError error) {
        if (error == QProcess::FailedToStart) {
            giveUp(tr("The engine's program could not be started: %1.").arg(m_process->errorString()));
        }
    });
    m_startTimer.start();
    m_process->start(program, arguments);
    if (m_process) { // null: it failed at once
        m_process->write(m_key + '\n');
    }
}

void HostProcess::readOutput() {
    const QByteArray bytes = m_process->readAllStandardOutput();
    if (m_port > 0) {
        return; // nothing more is expected
    }
    m_output += bytes;
    const qsizetype end = m_output.indexOf('\n');
    if (end < 0) {
        if (m_output.size() > kMaxPortLine) {
            giveUp(tr(
                "The engine's program said something that was not expected; check that it belongs to this version."));
        }
        return;
    }
    const int port = QJsonDocument::fromJson(m_output.left(end)).object().value(QLatin1String("port")).toInt();
    if (port < 1 || port > 65535) {
        giveUp(tr("The engine's program said something that was not expected; check that it belongs to this version."));
        return;
    }
    m_startTimer.stop();
    m_port = port;
    emit listening(port);
}

QString HostProcess::lastErrorLine() const {
    const QList<QByteArray> lines = m_errorTail.trimmed().split('\n');
    QString line = QString::fromUtf8(lines.last()).trimmed();
    if (!line.isEmpty() && !line.endsWith(QLatin1Char('.'))) {
        line += QLatin1Char('.');
    }
    return line;
}

void HostProcess::onFinished(int exitCode, QProcess::ExitStatus status) {
    m_errorTail = (m_errorTail + m_process->readAllStandardError()).right(kErrorTailBytes);
    const bool wasListening = m_port > 0;
    QString reason;
    if (status == QProcess::CrashExit) { // exitCode is the signal
        reason = exitCode == SIGKILL
                     ? tr("The system ended it, probably because memory ran out; choose a smaller model or context.")
                     : tr("It crashed (signal %1).").arg(exitCode);
    } else {
        reason = lastErrorLine();
        if (reason.isEmpty()) {
            reason = tr("It ended with code %1.").arg(exitCode);
        }
    }
    discard();
    if (wasListening) {
        emit crashed(reason);
    } else {
        emit failedToStart(tr("The engine's program could not be started.") + QLatin1Char(' ') + reason);
    }
}

void HostProcess::giveUp(const QString &sentence) {
    stop();
    emit failedToStart(sentence);
}

// Forgets the process object; it may be the sender of the signal that is being handled.
void HostProcess::discard() {
    m_startTimer.stop();
    m_port = 0;
    if (QProcess *process = std::exchange(m_process, nullptr)) {
        process->disconnect(this);
        if (process->state() == QProcess::NotRunning) {
            process->deleteLater();
        } else {
            end(process);
        }
    }
}

// It ends by itself when its standard input closes; a stuck one is killed later, without making the window wait.
void HostProcess::end(QProcess *process) {
    connect(process, &QProcess::finished, process, &QObject::deleteLater);
    process->closeWriteChannel();
    process->terminate();
    QTimer::singleShot(kEndWaitMs, process, [process] { process->kill(); });
}

void HostProcess::stop() { discard(); }

} // namespace facet::client
