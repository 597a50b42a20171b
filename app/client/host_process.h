// The own engine's process: `facet-cli serve --private --port 0`. Gives it a random key over standard input, reads the
// port that it prints, watches it, and ends it together with this object (its standard input closes, also when the
// window is killed). Started on demand only: nothing here starts a crashed host again by itself.
#pragma once

#include <QByteArray>
#include <QObject>
#include <QProcess>
#include <QTimer>

namespace facet::client {

class HostProcess : public QObject {
    Q_OBJECT
public:
    explicit HostProcess(QObject *parent = nullptr);
    ~HostProcess() override;

    // $FACET_CLI, or facet-cli beside this program, or on the PATH; empty: none.
    static QString findProgram();

    void setProgram(const QString &program, const QStringList &arguments); // for tests; before start()
    void setStartTimeout(int milliseconds) { m_startTimer.setInterval(milliseconds); }

    void start(); // does nothing while one runs
    void stop();  // ends it without a signal
    bool isListening() const { return m_port > 0; }
    int port() const { return m_port; }
    QString key() const { return QString::fromLatin1(m_key); }
    qint64 processId() const { return m_process ? m_process->processId() : 0; }
    QByteArray errorTail() const { return m_errorTail; }

signals:
    void listening(int port);
    void failedToStart(const QString &sentence);
    void crashed(const QString &sentence); // after listening()

private:
    void readOutput();
    void onFinished(int exitCode, QProcess::ExitStatus status);
    void giveUp(const QString &sentence);
    void discard();
    static void end(QProcess *process);
    QString lastErrorLine() const;

    QString m_program;
    QStringList m_arguments;
    QProcess *m_process = nullptr;
    QTimer m_startTimer;
    QByteArray m_key, m_output, m_errorTail;
    int m_port = 0;
};

} // namespace facet::client
