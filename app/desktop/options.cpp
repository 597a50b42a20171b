#include "options.h"

#include <QCommandLineParser>
#include <QCoreApplication>
#include <QDir>

Options readOptions(const QCoreApplication &application) {
    const auto tr = [](const char *text) { return QCoreApplication::translate("Options", text); };
    QCommandLineParser parser;
    parser.setApplicationDescription(tr("Desktop assistant that runs Gemma 4 on your own computer."));
    parser.addHelpOption();
    parser.addVersionOption();
    const QCommandLineOption model(QStringLiteral("model"), tr("Open this model folder."), QStringLiteral("folder"));
    const QCommandLineOption data(QStringLiteral("data-dir"),
                                  tr("Keep conversations, settings and everything else below this folder."),
                                  QStringLiteral("folder"));
    const QCommandLineOption fake(QStringLiteral("fake-engine"),
                                  tr("Play a script instead of running a model (app/chat/README.md)."),
                                  QStringLiteral("script.json"));
    const QCommandLineOption user(QStringLiteral("user-script"), tr("Play the \"user\" part of a script."),
                                  QStringLiteral("script.json"));
    const QCommandLineOption shot(QStringLiteral("screenshot"),
                                  tr("Save a picture of the window when the script is done, and quit."),
                                  QStringLiteral("file.png"));
    const QCommandLineOption size(QStringLiteral("size"), tr("Size of the window, for example 1200x800."),
                                  QStringLiteral("size"));
    const QCommandLineOption dump(QStringLiteral("dump"),
                                  tr("Write what the window shows to this file at each \"dump\" of the script."),
                                  QStringLiteral("file.jsonl"));
    const QCommandLineOption measure(QStringLiteral("measure-gui"),
                                     tr("Play a demanding user over made-up data and print what each step kept the "
                                        "window's thread computing."));
    parser.addOptions({model, data, fake, user, shot, size, dump, measure});
    parser.addPositionalArgument(QStringLiteral("files"), tr("Pictures, recordings and films to attach."),
                                 QStringLiteral("[files...]"));
    parser.process(application);

    Options options;
    options.fakeEngine = parser.value(fake);
    options.userScript = parser.value(user);
    options.screenshot = parser.value(shot);
    options.dump = parser.value(dump);
    options.measureGui = parser.isSet(measure);
    options.dataDir = parser.value(data);
    if (parser.isSet(model)) {
        options.model = QDir(parser.value(model)).absolutePath();
    }
    const QStringList sides = parser.value(size).split(QLatin1Char('x'));
    if (sides.size() == 2) {
        options.size = QSize(sides[0].toInt(), sides[1].toInt());
    }
    options.files = parser.positionalArguments();
    return options;
}
