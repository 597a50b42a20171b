// Markdown -> blocks, whole and while it streams.
#include "ui/markdown/highlight.h"
#include "ui/markdown/parser.h"

#include <QElapsedTimer>
#include <QRegularExpression>
#include <QTest>

using namespace facet::ui::markdown;

namespace {

QStringList kinds(const QVector<Block> &blocks) {
    QStringList out;
    for (const Block &block : blocks) {
        switch (block.kind) {
        case BlockKind::Paragraph: out << (block.marker.isEmpty() ? QStringLiteral("p") : block.marker); break;
        case BlockKind::Heading: out << QStringLiteral("h%1").arg(block.level); break;
        case BlockKind::Code: out << QStringLiteral("code"); break;
        case BlockKind::Table: out << QStringLiteral("table"); break;
        case BlockKind::Rule: out << QStringLiteral("rule"); break;
        }
    }
    return out;
}

const char *const kSamples[] = {
    "# Title\n\nSome **bold** and *italic* and `code`.\n\n- one\n- two\n  - deeper\n\n    more\n- three\n\nEnd.",
    "Text before\n```cpp\nint main() {\n\n    return 0;\n}\n```\nText after\n~~~\nother\n~~~\n",
    "| a | b |\n|---|:-:|\n| 1 | 2 |\n| 3 | 4 |\n\nafter",
    "1. one\n2. two\n\n   ```py\n   x = 1\n\n   y = 2\n   ```\n\n3. three\n\n10) other list",
    "> quoted\n> - with list\n>\n> > deeper\n\ntext\n***\n- [ ] open\n- [x] done\n",
    "Price * 2 ** 3 and _under_score_ \\* escaped &amp; &#x41; <b>html</b> "
    "<script>x</script>\n\n![alt](http://x/y.png) [l](javascript:alert(1)) [ok](https://example.org)",
    "```json\n[{\"box_2d\": [1, 2, 3, 4], \"label\": \"a\"}]\n```",
    "Setext\n===\n\ntext  \nbreak\n\n\n\n\nmore\n",
    "- a\n\n- b\n\n  para in b\n\nnot in list\n1986\\. A year.\n\n-not a list",
    "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e **\xe5\xa4\xaa\xe5\xad\x97** \xf0\x9f\x98\x80 text\n\n- \xc3\xa4\n- \xc3\xb6",
    "````\n```\ninner\n```\n````\nend",
    "a\r\nb\r\n\r\n```\r\ncode\r\n```\r\n\r\nc",
    "***bold italic*** ~~gone~~ https://example.org/x?y=1 and done",
};

} // namespace

class MarkdownTest : public QObject {
    Q_OBJECT
private slots:
    void blocks_data() {
        QTest::addColumn<QString>("text");
        QTest::addColumn<QString>("expected");
        QTest::newRow("heading") << "# T\n\npara"
                                 << "h1 p";
        QTest::newRow("list") << "- a\n- b\n  1. c\n"
                              << "• • 1.";
        QTest::newRow("tasks") << "- [ ] a\n- [x] b"
                               << "☐ ☑";
        QTest::newRow("fence interrupts") << "text\n```\nx\n```\nmore"
                                          << "p code p";
        QTest::newRow("unclosed fence") << "a\n\n```py\nx = 1\n\n# not a heading"
                                        << "p code";
        QTest::newRow("table") << "| a | b |\n|---|---|\n| 1 | 2 |"
                               << "table";
        QTest::newRow("rule") << "a\n\n---\n\nb"
                              << "p rule p";
        QTest::newRow("loose list stays one") << "1. a\n\n2. b\n\n3. c"
                                              << "1. 2. 3.";
        QTest::newRow("list starts at") << "7. a\n8. b"
                                        << "7. 8.";
        QTest::newRow("no indented code") << "a\n\n    indented"
                                          << "p p";
        QTest::newRow("html is text") << "<div>\n\nx"
                                      << "p p";
        QTest::newRow("empty") << ""
                               << "";
        QTest::newRow("blank") << "\n\n  \n"
                               << "";
        QTest::newRow("empty item") << "- a\n-\n- c"
                                    << "• • •";
    }
    void blocks() {
        QFETCH(QString, text);
        QFETCH(QString, expected);
        QCOMPARE(kinds(parse(text)).join(QLatin1Char(' ')), expected);
    }

    void spansAndLinks() {
        const auto blocks = parse(
            QStringLiteral("a **b** `c` [d](https://example.org/x) [e](javascript:alert(1)) [f](file:///etc/passwd)"));
        QCOMPARE(blocks.size(), 1);
        QCOMPARE(blocks[0].text.text, QStringLiteral("a b c d e f"));
        QCOMPARE(blocks[0].text.spans.size(), 3);
        QCOMPARE(int(blocks[0].text.spans[0].style), int(Bold));
        QCOMPARE(int(blocks[0].text.spans[1].style), int(Code));
        QCOMPARE(blocks[0].text.spans[2].link, QStringLiteral("https://example.org/x"));
    }

    void htmlStaysText() {
        const auto blocks = parse(QStringLiteral("<script>alert(1)</script> <img src=x>"));
        QCOMPARE(blocks[0].text.text, QStringLiteral("<script>alert(1)</script> <img src=x>"));
    }

    void picturesBecomeWords() {
        const auto blocks = parse(QStringLiteral("![a cat](https://evil.example/track.png)"));
        QCOMPARE(blocks[0].text.text, QStringLiteral("[picture: a cat]"));
    }

    void linesAreKept() {
        const auto blocks = parse(QStringLiteral("first line\nsecond line"));
        QCOMPARE(plainText(blocks[0]), QStringLiteral("first line\nsecond line"));
    }

    void tables() {
        const auto blocks = parse(QStringLiteral("| n | v |\n|:--|--:|\n| a | **1** |\n| b |"));
        QCOMPARE(blocks.size(), 1);
        QCOMPARE(blocks[0].rows.size(), 3);
        QVERIFY(blocks[0].columns[1] == Align::Right);
        QCOMPARE(blocks[0].rows[1][1].text, QStringLiteral("1"));
        QCOMPARE(plainText(blocks[0]), QStringLiteral("n\tv\na\t1\nb\t"));
    }

    void roundTrip() {
        for (const char *sample : kSamples) {
            QString again;
            const auto first = parse(QString::fromUtf8(sample));
            for (const Block &block : first) again += markdownText(block) + QStringLiteral("\n\n");
            QString words, wordsAgain;
            for (const Block &block : first) words += plainText(block).simplified() + QLatin1Char(' ');
            for (const Block &block : parse(again)) wordsAgain += plainText(block).simplified() + QLatin1Char(' ');
            if (!words.contains(QLatin1Char('<')) && !words.contains(QLatin1Char('*')) &&
                !words.contains(QLatin1Char('_')))
                QCOMPARE(wordsAgain, words);
        }
    }

    // The result for a whole text is that of the text in pieces, whatever the pieces; no prefix breaks anything.
    void prefixes_data() {
        QTest::addColumn<QString>("text");
        for (size_t i = 0; i < std::size(kSamples); ++i)
            QTest::addRow("sample %zu", i) << QString::fromUtf8(kSamples[i]);
    }
    void prefixes() {
        QFETCH(QString, text);
        StreamingDocument document;
        QVector<Block> frozen;
        for (qsizetype n = 0; n <= text.size(); ++n) {
            document.setText(text.left(n), false);
            QVERIFY2(document.frozenBlocks() >= frozen.size(), "a finished block was taken back");
            QVERIFY2(document.blocks().mid(0, frozen.size()) == frozen, qPrintable(text.left(n)));
            frozen = document.blocks().mid(0, document.frozenBlocks());
        }
        document.setText(text, true);
        QVERIFY(document.blocks() == parse(text));
        for (int step : {2, 3, 7}) {
            StreamingDocument other;
            for (qsizetype n = 0; n < text.size(); n += step) other.setText(text.left(n), false);
            other.setText(text, true);
            QVERIFY(other.blocks() == parse(text));
        }
    }

    void halfWrittenMarksDoNotFlicker() {
        StreamingDocument document;
        document.setText(QStringLiteral("this is **bo"), false);
        QCOMPARE(document.blocks()[0].text.text, QStringLiteral("this is bo"));
        document.setText(QStringLiteral("| a | b |\n|--"), false);
        QCOMPARE(kinds(document.blocks()), QStringList{QStringLiteral("table")});
        document.setText(QStringLiteral("text\n\n``"), false);
        QCOMPARE(kinds(document.blocks()), QStringList{QStringLiteral("p")});
        document.setText(QStringLiteral("use `cod"), false);
        QCOMPARE(document.blocks()[0].text.text, QStringLiteral("use cod"));
    }

    void rewrittenTextStartsAgain() {
        StreamingDocument document;
        document.setText(QStringLiteral("one\n\ntwo\n\nthree"), false);
        QVERIFY(document.frozenBlocks() == 2);
        document.setText(QStringLiteral("other\n\ntext"), true);
        QCOMPARE(document.blocks().size(), 2);
        QCOMPARE(document.blocks()[0].text.text, QStringLiteral("other"));
        QCOMPARE(document.firstChanged(), 0);
    }

    // Only the last block is parsed again: the work for a text in n pieces stays near the text's own length.
    void streamingWorkIsLinear() {
        QString text;
        for (int i = 0; i < 400; ++i)
            text +=
                QStringLiteral("Paragraph %1 with some **words** in it, about as long as a sentence is.\n\n").arg(i);
        StreamingDocument document;
        for (qsizetype n = 0; n < text.size(); n += 20) document.setText(text.left(n), false);
        document.setText(text, true);
        QCOMPARE(document.blocks().size(), 400);
        QVERIFY2(document.parsedCharacters() < text.size() * 6,
                 qPrintable(QString::number(document.parsedCharacters())));
    }

    void hostileInputs() {
        const QStringList inputs = {QString(100000, QLatin1Char('>')),
                                    QString(50000, QLatin1Char('*')),
                                    QString(50000, QLatin1Char('[')),
                                    QString(20000, QLatin1Char('`')),
                                    QStringLiteral("| ").repeated(20000),
                                    QStringLiteral("- ").repeated(5000),
                                    QStringLiteral("a\n").repeated(50000),
                                    QString(200000, QLatin1Char('x')),
                                    QStringLiteral("![").repeated(20000),
                                    QString(1000, QChar(0)),
                                    QStringLiteral("&#xFFFFFFFF; &#0; &#xD800;"),
                                    QString(3, QChar(0xd800))};
        for (const QString &input : inputs) {
            const auto blocks = parse(input);
            for (const Block &block : blocks) {
                QVERIFY(block.indent <= kMaxDepth && block.quote <= kMaxDepth);
                if (block.kind == BlockKind::Paragraph) QVERIFY(block.text.text.size() <= kMaxParagraphLength);
            }
            StreamingDocument document;
            document.setText(input.left(input.size() / 2), false);
            document.setText(input, false);
        }
    }

    void veryLongMessageIsCut() {
        const auto blocks = parse(QString(kMaxTextLength + 1000, QLatin1Char('y')));
        qsizetype shown = 0;
        for (const Block &block : blocks) shown += block.text.text.size();
        QVERIFY(shown <= kMaxTextLength + 200);
        QVERIFY(plainText(blocks.last()).contains(QStringLiteral("too long")));
    }

    // A line of half a megabyte is read in pieces of their own; growing and whole text are cut alike.
    void longLinesAreCut_data() {
        QTest::addColumn<QString>("text");
        QTest::newRow("words") << QStringLiteral("words and 1. more - words # here ").repeated(3000);
        QTest::newRow("one word") << QString(100'000, QLatin1Char('x'));
        QTest::newRow("pairs") << QStringLiteral("\U0001F600").repeated(40'000);
        QTest::newRow("between others") << QStringLiteral("before\n") + QStringLiteral("word ").repeated(10'000) +
                                               QStringLiteral("\nafter\n\nend");
        QTest::newRow("table row") << QStringLiteral("| a |\n|---|\n| ") + QStringLiteral("cell ").repeated(10'000) +
                                          QStringLiteral("|\n");
    }
    void longLinesAreCut() {
        QFETCH(QString, text);
        const QVector<Block> whole = parse(text);
        QString again;
        for (const Block &block : whole) {
            QVERIFY(block.text.text.size() <= kMaxParagraphLength);
            QVERIFY(block.marker.isEmpty()); // no list begins in the midst of a line
            QVERIFY(block.kind == BlockKind::Paragraph || block.kind == BlockKind::Table);
            QVERIFY(block.text.text.isEmpty() || !block.text.text.back().isHighSurrogate());
            again += plainText(block);
        }
        const auto letters = [](QString words) { return words.remove(QRegularExpression(QStringLiteral("[\\s|-]"))); };
        QCOMPARE(letters(again), letters(text));
        StreamingDocument growing;
        qsizetype worst = 0, before = 0;
        for (qsizetype n = 0; n < text.size(); n += 997) {
            growing.setText(text.left(n), false);
            worst = std::max(worst, growing.parsedCharacters() - before);
            before = growing.parsedCharacters();
        }
        growing.setText(text, true);
        QVERIFY(growing.blocks() == whole);
        QVERIFY2(worst <= 3 * kMaxLineLength, qPrintable(QString::number(worst)));
    }

    void plainTextKeepsEverything() {
        QString text;
        for (int i = 0; i < 200; ++i) text += QStringLiteral("line %1\n").arg(i);
        QString again;
        for (const Block &block : plainBlocks(text))
            again += (again.isEmpty() ? QString() : QStringLiteral("\n")) + plainText(block);
        QCOMPARE(again, text);
    }

    void highlighting() {
        LineState state = LineState::Normal;
        const auto spans = highlightLine(QStringLiteral("cpp"), QStringView(u"return 42; // why"), state);
        QCOMPARE(spans.size(), 3);
        QVERIFY(spans[0].token == Token::Keyword && spans[1].token == Token::Number &&
                spans[2].token == Token::Comment);
        highlightLine(QStringLiteral("c"), QStringView(u"int x; /* begins"), state);
        QVERIFY(state == LineState::BlockComment);
        QVERIFY(highlightLine(QStringLiteral("c"), QStringView(u"return"), state).value(0).token == Token::Comment);
        highlightLine(QStringLiteral("c"), QStringView(u"ends */ int"), state);
        QVERIFY(state == LineState::Normal);
        QVERIFY(highlightLine(QStringLiteral("json"), QStringView(u"\"key\": \"value\""), state)[0].token ==
                Token::Name);
        highlightLine(QStringLiteral("python"), QStringView(u"x = \"\"\"doc"), state);
        QVERIFY(state == LineState::TripleDouble);
        state = LineState::Normal;
        QVERIFY(highlightLine(QStringLiteral("nosuch"), QStringView(u"'it's 5 o'clock"), state).size() <= 2);
    }
};

QTEST_MAIN(MarkdownTest)
#include "markdown_test.moc"
