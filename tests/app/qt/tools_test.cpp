// Expressions and the built-in tools.
#include "tools/builtin_tools.h"
#include "tools/demo_tools.h"
#include "tools/expression.h"
#include "tools/read_file_tool.h"
#include "tools/registry.h"

#include <QFile>
#include <QTemporaryDir>
#include <QtTest>

using namespace facet;
using namespace facet::tools;

namespace {

Outcome runNow(const Registry &registry, const char *name, const char *arguments) {
    Outcome result;
    registry.run(QString::fromLatin1(name), QString::fromUtf8(arguments), {},
                 [&](const Outcome &outcome) { result = outcome; });
    return result;
}

} // namespace

class ToolsTest : public QObject {
    Q_OBJECT

private slots:
    void values_data() {
        QTest::addColumn<QString>("expression");
        QTest::addColumn<QString>("expected");
        QTest::newRow("sum") << "1 + 2 * 3"
                             << "7";
        QTest::newRow("parentheses") << "(1+2)*3"
                                     << "9";
        QTest::newRow("left") << "10 - 4 - 3"
                              << "3";
        QTest::newRow("power right") << "2^3^2"
                                     << "512";
        QTest::newRow("power minus") << "-2^2"
                                     << "-4";
        QTest::newRow("negative exponent") << "2^-2"
                                           << "0.25";
        QTest::newRow("stars") << "2**10"
                               << "1024";
        QTest::newRow("remainder") << "17 % 5"
                                   << "2";
        QTest::newRow("signs") << "3 - -4"
                               << "7";
        QTest::newRow("decimal") << "0.1 + 0.2"
                                 << "0.3";
        QTest::newRow("exponent") << "1.5e3 / 2"
                                  << "750";
        QTest::newRow("functions") << "sqrt(16) + max(1, 2, 3) - min(4;5)"
                                   << "3";
        QTest::newRow("constant") << "round(pi * 100)"
                                  << "314";
        QTest::newRow("typographic") << "6 × 7 − 2"
                                     << "40";
        QTest::newRow("division sign") << "8 ÷ 2"
                                       << "4";
        QTest::newRow("big") << "2^53"
                             << "9.00719925474e+15";
        QTest::newRow("minus zero") << "-0"
                                    << "0";
        QTest::newRow("demo") << "13 - 73"
                              << "-60";
    }
    void values() {
        QFETCH(QString, expression);
        QFETCH(QString, expected);
        const auto value = evaluateExpression(expression.toStdString());
        QVERIFY2(value.hasValue(), value ? "" : value.error().message.c_str());
        QCOMPARE(QString::fromStdString(formatNumber(*value)), expected);
    }

    void refusals_data() {
        QTest::addColumn<QString>("expression");
        QTest::newRow("empty") << "";
        QTest::newRow("division by zero") << "1/0";
        QTest::newRow("remainder of zero") << "1%0";
        QTest::newRow("open") << "(1+2";
        QTest::newRow("rest") << "1 2";
        QTest::newRow("name") << "system";
        QTest::newRow("function") << "exec(1)";
        QTest::newRow("count") << "sqrt(1,2)";
        QTest::newRow("no result") << "sqrt(-1)";
        QTest::newRow("infinite") << "9^9^9";
        QTest::newRow("letters") << "1; rm -rf";
        QTest::newRow("nul") << QString::fromLatin1("1\0+1", 4);
        QTest::newRow("deep") << QStringLiteral("(").repeated(500) + QStringLiteral("1");
        QTest::newRow("deep power") << QStringLiteral("1^").repeated(400) + QStringLiteral("1");
        QTest::newRow("many signs") << QStringLiteral("-").repeated(999) + QStringLiteral("(");
        QTest::newRow("long") << QStringLiteral("1+").repeated(600) + QStringLiteral("1");
    }
    void refusals() {
        QFETCH(QString, expression);
        QVERIFY(!evaluateExpression(expression.toStdString()).hasValue());
    }

    void declarationsHaveTheOpenAiShape() {
        const QJsonArray declarations = Registry::builtIn().declarations();
        QCOMPARE(declarations.size(), 4);
        for (const QJsonValue &declaration : declarations) {
            QCOMPARE(declaration[QLatin1String("type")].toString(), QStringLiteral("function"));
            const QJsonValue function = declaration[QLatin1String("function")];
            QVERIFY(!function[QLatin1String("name")].toString().isEmpty());
            QVERIFY(!function[QLatin1String("description")].toString().isEmpty());
            QCOMPARE(function[QLatin1String("parameters")][QLatin1String("type")].toString(), QStringLiteral("object"));
        }
    }

    void runsAndRefuses() {
        const Registry registry = Registry::builtIn();
        QCOMPARE(runNow(registry, "calculator", R"({"expression":"6*7"})").text, QStringLiteral("42"));
        QVERIFY(runNow(registry, "current_time", "").worked);
        QCOMPARE(runNow(registry, "no_tool", "{}").text, QStringLiteral("This tool does not exist here."));
        QVERIFY(!runNow(registry, "calculator", "[1]").worked);
        QVERIFY(!runNow(registry, "calculator", "{broken").worked);
        QVERIFY(!runNow(registry, "calculator", "{}").worked);
    }

    void opensWebAddressesOnly() {
        QStringList opened;
        OpenWebLinkTool tool([&](const QString &address) {
            opened += address;
            return true;
        });
        const auto open = [&](const char *address) {
            bool worked = false;
            tool.run({{{QStringLiteral("url"), QString::fromLatin1(address)}}, {}},
                     [&](const Outcome &o) { worked = o.worked; });
            return worked;
        };
        QVERIFY(open("https://example.org/a?b=c"));
        QVERIFY(open("http://example.org"));
        for (const char *bad : {"file:///etc/passwd", "javascript:alert(1)", "example.org", "https://",
                                "https://user:pw@example.org", "mailto:a@b.c", "https://exa mple.org", ""}) {
            QVERIFY2(!open(bad), bad);
        }
        QCOMPARE(opened.size(), 2);
    }

    void readsTextFilesOnly() {
        QTemporaryDir folder;
        const auto write = [&](const QString &name, const QByteArray &bytes) {
            QFile file(folder.filePath(name));
            return file.open(QIODevice::WriteOnly) && file.write(bytes) == bytes.size() ? file.fileName() : QString();
        };
        QCOMPARE(*readTextFile(write(QStringLiteral("a.txt"), "Grüße")), QStringLiteral("Grüße"));
        QVERIFY(!readTextFile(write(QStringLiteral("b.bin"), QByteArray("a\0b", 3))));
        QVERIFY(!readTextFile(write(QStringLiteral("c.txt"), "\xFF\xFE\xFA")));
        QVERIFY(!readTextFile(write(QStringLiteral("d.txt"), QByteArray(kMaxReadFileBytes + 1, 'x'))));
        QVERIFY(!readTextFile(folder.path()));
        QVERIFY(!readTextFile(folder.filePath(QStringLiteral("missing"))));
        QVERIFY(!readTextFile(QStringLiteral("/dev/null")));
        QVERIFY(QDir(folder.path()).mkdir(QStringLiteral(".ssh")));
        const QString key = write(QStringLiteral(".ssh/id"), "secret");
        QVERIFY(!readTextFile(key));
        QVERIFY(QFile::link(key, folder.filePath(QStringLiteral("harmless.txt"))));
        QVERIFY(!readTextFile(folder.filePath(QStringLiteral("harmless.txt")))); // links are followed first
    }

    void demoTools() {
        const Registry registry = Registry::demo();
        QCOMPARE(runNow(registry, "calculate", R"({"expression":"13 - 73"})").text,
                 QStringLiteral(R"({"result":-60})"));
        QCOMPARE(runNow(registry, "set_timer", R"({"minutes":5})").text, QStringLiteral(R"({"status":"ok"})"));
        QVERIFY(!runNow(registry, "set_timer", R"({"minutes":-5})").worked);
        QVERIFY(!runNow(registry, "get_weather", R"({"city":"Paris"})").notice.isEmpty());
        QCOMPARE(demoToolsFor(QStringLiteral("Weather here?"), true), QStringList{QStringLiteral("get_weather")});
        QVERIFY(demoToolsFor(QStringLiteral("Read the text."), true).isEmpty());
        QCOMPARE(demoToolsFor(QStringLiteral("Compute 13 - 73."), false), QStringList{QStringLiteral("calculate")});
        QCOMPARE(demoToolsFor(QStringLiteral("Set a timer for 3 minutes."), false),
                 QStringList{QStringLiteral("set_timer")});
    }
};

QTEST_GUILESS_MAIN(ToolsTest)
#include "tools_test.moc"
