// The real program - build/.../bin/facet with its host process and the demo model - under Xvfb on the xcb platform. A
// scripted user drops a picture, types, presses buttons and closes the window with real Qt events; what the window shows
// is read from the program's own dumps. No GPU, display manager or network is needed; without Xvfb the test fails.
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>
#include <QRegularExpression>
#include <QStandardPaths>
#include <QTemporaryDir>
#include <QtTest>

namespace {

constexpr int kPatienceMs = 240'000; // debug builds under sanitizers, busy machines
constexpr int kServerPatienceMs = 30'000;

// An X server of our own: it picks a free display itself and says which.
class Server {
public:
    // What went wrong; empty: it runs.
    QString start() {
        const QString program = QStandardPaths::findExecutable(QStringLiteral("Xvfb"));
        if (program.isEmpty()) {
            return QStringLiteral("Xvfb is not installed; this test needs it (packages xvfb and xauth, or "
                                  "packaging/linux/install-packages.sh --tests).");
        }
        m_process.start(program, {QStringLiteral("-displayfd"), QStringLiteral("1"), QStringLiteral("-screen"),
                                  QStringLiteral("0"), QStringLiteral("1280x900x24"), QStringLiteral("-nolisten"),
                                  QStringLiteral("tcp"), QStringLiteral("-noreset")});
        while (!m_process.canReadLine()) {
            if (m_process.state() == QProcess::NotRunning || !m_process.waitForReadyRead(kServerPatienceMs)) {
                return QStringLiteral("Xvfb did not start: ") + QString::fromUtf8(m_process.readAllStandardError());
            }
        }
        m_display = QLatin1Char(':') + QString::fromLatin1(m_process.readLine()).trimmed();
        return {};
    }
    ~Server() {
        if (m_process.state() != QProcess::NotRunning) {
            m_process.terminate();
            if (!m_process.waitForFinished(10'000)) {
                m_process.kill();
                m_process.waitForFinished(10'000);
            }
        }
    }
    QString display() const { return m_display; }

private:
    QProcess m_process;
    QString m_display;
};

struct Run {
    int exitCode = -1;
    bool finished = false, crashed = false;
    QHash<QString, QJsonObject> dumps;
    QByteArray log;
};

// A process that ended but was not waited for yet (there is no init in some containers) is gone.
bool isRunning(qint64 process) {
    QFile stat(QStringLiteral("/proc/%1/stat").arg(process));
    if (!stat.open(QIODevice::ReadOnly)) {
        return false;
    }
    const QByteArray line = stat.readAll();
    return !line.mid(line.lastIndexOf(')') + 1).trimmed().startsWith('Z');
}

QString environment(const char *name) { return qEnvironmentVariable(name); }

QJsonObject message(const QJsonObject &dump, int index) {
    const QJsonArray all = dump[QLatin1String("messages")].toArray();
    return all[index < 0 ? all.size() + index : index].toObject();
}

QString text(const QJsonObject &object, const char *key) { return object[QLatin1String(key)].toString(); }

} // namespace

class WindowTest : public QObject {
    Q_OBJECT

    Server m_server;

    // Plays `script` in the program over an empty data folder below `folder`.
    Run play(const QTemporaryDir &folder, const QByteArray &script, const QStringList &more = {}) {
        const QString scriptFile = folder.filePath(QStringLiteral("script.json"));
        QFile file(scriptFile);
        if (!file.open(QIODevice::WriteOnly) || file.write(script) != script.size()) {
            return {};
        }
        file.close();
        QProcess program;
        QProcessEnvironment variables = QProcessEnvironment::systemEnvironment();
        variables.insert(QStringLiteral("DISPLAY"), m_server.display());
        variables.insert(QStringLiteral("QT_QPA_PLATFORM"), QStringLiteral("xcb"));
        variables.insert(QStringLiteral("FACET_WATCHDOG"), QStringLiteral("1"));
        variables.insert(QStringLiteral("HOME"), folder.path());
        variables.insert(QStringLiteral("XDG_RUNTIME_DIR"), folder.path());
        for (const char *unwanted : {"WAYLAND_DISPLAY", "XAUTHORITY", "QT_SCALE_FACTOR", "QT_STYLE_OVERRIDE"}) {
            variables.remove(QLatin1String(unwanted));
        }
        program.setProcessEnvironment(variables);
        program.setProcessChannelMode(QProcess::MergedChannels);
        const QString dumpFile = folder.filePath(QStringLiteral("dump.jsonl"));
        program.start(environment("FACET_BIN") + QStringLiteral("/facet"),
                      QStringList{QStringLiteral("--data-dir"), folder.filePath(QStringLiteral("data")),
                                  QStringLiteral("--user-script"), scriptFile, QStringLiteral("--dump"), dumpFile,
                                  QStringLiteral("--model"),
                                  environment("FACET_RESOURCES") + QStringLiteral("/demo-model")} +
                          more);
        Run run;
        run.finished = program.waitForFinished(kPatienceMs);
        if (!run.finished) {
            program.kill();
            program.waitForFinished(10'000);
        }
        run.crashed = program.exitStatus() == QProcess::CrashExit;
        run.exitCode = program.exitCode();
        run.log = program.readAll();
        QFile dumps(dumpFile);
        if (dumps.open(QIODevice::ReadOnly)) {
            while (!dumps.atEnd()) {
                const QJsonObject dump = QJsonDocument::fromJson(dumps.readLine()).object();
                run.dumps.insert(text(dump, "dump"), dump);
            }
        }
        return run;
    }

    // A clean end: exit code 0, and the host process that was seen is gone.
    void checkEnd(const Run &run, const QString &lastDump) {
        QVERIFY2(run.finished, "the program did not end:\n" + run.log);
        QVERIFY2(!run.crashed && run.exitCode == 0, "the program did not end cleanly:\n" + run.log);
        QVERIFY2(run.dumps.contains(lastDump), "the script did not get to its end:\n" + run.log);
        const qint64 host = run.dumps[lastDump][QLatin1String("hostProcess")].toInteger();
        QVERIFY(host > 0);
        QTRY_VERIFY_WITH_TIMEOUT(!isRunning(host), 20'000);
        const QJsonObject watchdog = run.dumps[lastDump][QLatin1String("watchdog")].toObject();
        qInfo("longest handler on the window's thread: %.1f ms (%s), most computing: %.1f ms (%s); %d over %d ms",
              watchdog[QLatin1String("worstMs")].toDouble(), qPrintable(text(watchdog, "worst")),
              watchdog[QLatin1String("worstCpuMs")].toDouble(), qPrintable(text(watchdog, "worstCpu")),
              watchdog[QLatin1String("over")].toInt(), watchdog[QLatin1String("limitMs")].toInt());
    }

private slots:
    void initTestCase() {
        for (const char *name : {"facet", "facet-cli"}) {
            QVERIFY2(QFileInfo(environment("FACET_BIN") + QLatin1Char('/') + QLatin1String(name)).isExecutable() ||
                         !environment("FACET_CLI").isEmpty(),
                     name);
        }
        const QString problem = m_server.start();
        QVERIFY2(problem.isEmpty(), qPrintable(problem));
    }

    // A picture is dropped and asked about: the answer streams and its boxes lie over the picture, in sight.
    void boxesAppearOverADroppedPicture() {
        const QTemporaryDir folder;
        const QByteArray sample = (environment("FACET_RESOURCES") + QStringLiteral("/samples/scene.png")).toUtf8();
        const QByteArray script = R"({"user": [
            {"until": "ready"}, {"dump": "start"},
            {"drop": "SAMPLE"}, {"until": "ready"}, {"dump": "dropped"},
            {"key": "Ctrl+L"}, {"type": "Detect the objects."}, {"dump": "written"},
            {"press": "Send"}, {"until": "words"}, {"dump": "streaming"},
            {"until": "idle"}, {"wait": 300, "dump": "answered"}, {"close": true}]})";
        const Run run = play(folder, QByteArray(script).replace("SAMPLE", sample));
        checkEnd(run, QStringLiteral("answered"));
        const QJsonObject start = run.dumps[QStringLiteral("start")];
        QCOMPARE(text(start, "platform"), QStringLiteral("xcb"));
        QCOMPARE(text(start, "engine"), QStringLiteral("ready"));
        QVERIFY(start[QLatin1String("demo")].toBool());
        QVERIFY(start[QLatin1String("visible")].toBool());
        QVERIFY(start[QLatin1String("empty")].toBool());
        const QJsonArray chips = run.dumps[QStringLiteral("dropped")][QLatin1String("chips")].toArray();
        QCOMPARE(chips.size(), 1);
        QVERIFY(chips[0][QLatin1String("ready")].toBool());
        QVERIFY(text(chips[0].toObject(), "name").contains(QStringLiteral("scene.png")));
        QCOMPARE(text(run.dumps[QStringLiteral("written")], "written"), QStringLiteral("Detect the objects."));
        QVERIFY(run.dumps[QStringLiteral("written")][QLatin1String("sendEnabled")].toBool());

        const QJsonObject answered = run.dumps[QStringLiteral("answered")];
        QCOMPARE(answered[QLatin1String("messages")].toArray().size(), 2);
        QCOMPARE(message(answered, 0)[QLatin1String("attachments")].toInt(), 1);
        const QJsonObject answer = message(answered, 1);
        QCOMPARE(text(answer, "state"), QStringLiteral("complete"));
        QVERIFY2(text(answer, "text").contains(QStringLiteral("box_2d")), qPrintable(text(answer, "text")));
        const QJsonObject picture = answer[QLatin1String("picture")].toObject();
        QVERIFY(picture[QLatin1String("inSight")].toBool());
        const QJsonArray place = picture[QLatin1String("rect")].toArray();
        const QRectF whole(place[0].toDouble(), place[1].toDouble(), place[2].toDouble(), place[3].toDouble());
        const QJsonArray marks = picture[QLatin1String("marks")].toArray();
        QVERIFY(!marks.isEmpty());
        for (const QJsonValue &mark : marks) {
            const QJsonArray rect = mark[QLatin1String("rect")].toArray();
            const QRectF box(rect[0].toDouble(), rect[1].toDouble(), rect[2].toDouble(), rect[3].toDouble());
            QVERIFY(box.width() >= 1 && box.height() >= 1);
            QVERIFY2(whole.adjusted(-1, -1, 1, 1).contains(box), "a box leaves its picture");
            QVERIFY(!text(mark.toObject(), "label").isEmpty());
        }
        QVERIFY(answered[QLatin1String("chats")].toInt() == 1);
        QCOMPARE(text(answered, "send"), QStringLiteral("Send"));
    }

    // Stop ends the answer where it is, what came is kept, and the next question is answered.
    void stopEndsAnAnswer() {
        const QTemporaryDir folder;
        const QByteArray sample = (environment("FACET_RESOURCES") + QStringLiteral("/samples/scene.png")).toUtf8();
        // The model is small and quick: the button may come too late, so there are several tries.
        constexpr int kTries = 6;
        const QByteArray round = R"({"drop": "SAMPLE"}, {"until": "ready"}, {"type": "box_2d"}, {"press": "Send"},
            {"until": "words"}, {"press": "Stop", "maybe": true}, {"dump": "stopNUMBER"}, {"until": "ready"},)";
        QByteArray rounds;
        for (int i = 0; i < kTries; ++i) {
            rounds += QByteArray(round).replace("SAMPLE", sample).replace("NUMBER", QByteArray::number(i));
        }
        const QByteArray script = R"({"user": [{"until": "ready"}, ROUNDS
            {"type": "Hello"}, {"press": "Send"}, {"press": "Stop"}, {"dump": "at once"},
            {"until": "ready"}, {"press": "New chat"}, {"type": "Hello"}, {"press": "Send"},
            {"wait": 100, "until": "ready"}, {"dump": "end"}, {"close": true}]})";
        const Run run = play(folder, QByteArray(script).replace("ROUNDS", rounds));
        checkEnd(run, QStringLiteral("end"));
        int stopped = 0;
        for (int i = 0; i < kTries; ++i) {
            const QJsonObject dump = run.dumps[QStringLiteral("stop%1").arg(i)];
            const QJsonObject answer = message(dump, -1);
            stopped += text(answer, "state") == QStringLiteral("stopped") && !text(answer, "text").isEmpty() ? 1 : 0;
        }
        QVERIFY2(stopped > 0, "Stop never came in time");
        const QJsonObject atOnce = run.dumps[QStringLiteral("at once")];
        QCOMPARE(text(message(atOnce, -1), "state"), QStringLiteral("stopped"));
        QVERIFY(!text(message(atOnce, -1), "notice").isEmpty());
        QVERIFY(!atOnce[QLatin1String("running")].toBool());
        const QJsonObject end = run.dumps[QStringLiteral("end")];
        QCOMPARE(text(message(end, -1), "state"), QStringLiteral("complete"));
        QVERIFY(text(message(end, -1), "text").size() > 5);
    }

    // Another Facet serves the model; its address and key are entered in the settings, a wrong key first. Then it is asked
    // about a picture, and the way back is one press.
    void anotherEngineAnswers() {
        QProcess server;
        server.start(environment("FACET_BIN") + QStringLiteral("/facet-cli"),
                     {QStringLiteral("serve"), QStringLiteral("--model"),
                      environment("FACET_RESOURCES") + QStringLiteral("/demo-model"), QStringLiteral("--port"),
                      QStringLiteral("0"), QStringLiteral("--key"), QStringLiteral("correct-horse")});
        server.setReadChannel(QProcess::StandardError);
        QByteArray said;
        const QRegularExpression listening(QStringLiteral("listening on (http://\\S+)"));
        while (!listening.match(QString::fromUtf8(said)).hasMatch()) {
            QVERIFY2(server.state() != QProcess::NotRunning && server.waitForReadyRead(kServerPatienceMs), said);
            said += server.readAllStandardError();
        }
        const QByteArray address = listening.match(QString::fromUtf8(said)).captured(1).toUtf8();
        const QByteArray sample = (environment("FACET_RESOURCES") + QStringLiteral("/samples/scene.png")).toUtf8();
        const QTemporaryDir folder;
        const QByteArray script = R"({"user": [{"until": "ready"}, {"do": "server"},
            {"into": "Address", "type": "ADDRESS"}, {"into": "Key", "type": "wrong"}, {"press": "Test and use"},
            {"says": "does not accept the key"}, {"into": "Key", "type": "correct-horse"}, {"press": "Test and use"},
            {"says": "It works"}, {"press": "Close"}, {"until": "ready"}, {"dump": "there"},
            {"drop": "SAMPLE"}, {"until": "ready"}, {"key": "Ctrl+L"}, {"type": "Detect the objects."},
            {"wait": 300, "press": "Send"}, {"until": "idle"}, {"wait": 300, "dump": "answered"},
            {"do": "server"}, {"press": "Use this computer"}, {"press": "Close"}, {"until": "ready"},
            {"press": "New chat"}, {"type": "Hello"}, {"press": "Send"}, {"wait": 100, "until": "idle"},
            {"dump": "back"}, {"close": true}]})";
        const Run run = play(folder, QByteArray(script).replace("ADDRESS", address).replace("SAMPLE", sample));
        server.terminate();
        QVERIFY(server.waitForFinished(kServerPatienceMs));
        checkEnd(run, QStringLiteral("back"));
        const QJsonObject there = run.dumps[QStringLiteral("there")];
        QCOMPARE(text(there, "engine"), QStringLiteral("ready"));
        QVERIFY2(text(there, "status").contains(QString::fromUtf8(address)), qPrintable(text(there, "status")));
        const QJsonObject answer = message(run.dumps[QStringLiteral("answered")], -1);
        QCOMPARE(text(answer, "state"), QStringLiteral("complete"));
        QCOMPARE(text(answer, "role"), QStringLiteral("assistant")); // tools confuse the little model: its words do not count
        const QJsonObject back = run.dumps[QStringLiteral("back")];
        QVERIFY(!text(back, "status").contains(QString::fromUtf8(address)));
        QCOMPARE(text(message(back, -1), "state"), QStringLiteral("complete"));
    }

    // Closing in the middle of an answer ends the program and its host.
    void closesWhileAnswering() {
        const QTemporaryDir folder;
        const Run run = play(folder, R"({"user": [{"until": "ready"}, {"type": "What can you do?"}, {"press": "Send"},
            {"dump": "asked"}, {"close": true}]})");
        checkEnd(run, QStringLiteral("asked"));
        QVERIFY(run.dumps[QStringLiteral("asked")][QLatin1String("running")].toBool());
    }
};

QTEST_GUILESS_MAIN(WindowTest)
#include "window_test.moc"
