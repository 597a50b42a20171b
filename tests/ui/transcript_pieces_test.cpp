// The transcript over texts of any length: what is read and laid out at a time is bounded, and nothing is done twice.
#include "transcript_scene.h"

#include <QElapsedTimer>
#include <QScrollBar>

using namespace facet;
using namespace facet::ui;
using tests::assistant;
using tests::longChat;
using tests::user;

namespace {
// A step goes on until it is full; its last item may be a long paragraph, the item that was searched for another one, and
// both may need a font that was not used before.
constexpr qsizetype kMostInAStep = TranscriptView::kLayoutStep + 2 * markdown::kMaxParagraphLength + 3000;
} // namespace

class TranscriptPiecesTest : public QObject {
    Q_OBJECT

    std::unique_ptr<tests::TranscriptScene> m_scene;
    TranscriptView *m_view = nullptr;

private slots:
    void initTestCase() { applyTheme(Scheme::Light); }
    void init() {
        m_scene = std::make_unique<tests::TranscriptScene>();
        m_view = m_scene->view.get();
        QVERIFY(m_scene->show());
    }
    void cleanup() { m_scene.reset(); }

    void onlyTheLastBlockIsParsedAgain() {
        m_view->setMessages({user(QStringLiteral("Hi"))});
        m_view->addMessage(assistant(QString(), chat::MessageState::Streaming));
        QString text;
        for (int i = 0; i < 60; ++i) text += QStringLiteral("Paragraph number %1 of the answer.\n\n").arg(i);
        int frames = 0;
        for (qsizetype n = 8; n < text.size(); n += 8, ++frames) {
            m_view->changeMessage(1, assistant(text.left(n), chat::MessageState::Streaming));
            m_view->flush();
        }
        const auto &document = m_view->message(1)->document();
        QVERIFY(document.frozenBlocks() >= 58);
        QVERIFY2(document.parsedChunks() <= frames + 70, qPrintable(QString::number(document.parsedChunks())));
        QVERIFY(document.parsedCharacters() < text.size() * 6);
    }

    // What one frame, one scroll step, one resize may read and lay out, whatever the messages are: bounded pieces.
    void hugeMessagesComeInPieces_data() {
        QTest::addColumn<QVector<chat::Message>>("messages");
        QString prose, table = QStringLiteral("| id | name | what it says | more | and | more | of | it |\n|"), code;
        table += QStringLiteral("---|").repeated(8) + QLatin1Char('\n');
        for (int i = 0; prose.size() < 1 << 20; ++i) {
            prose += QStringLiteral("## Part %1\n\nSome *words* with `code`, a [link](https://example.org/%1) and **more** "
                                    "of them, so that the line is long enough to break at least once or twice.\n\n"
                                    "- one\n- two\n\n```cpp\nint part_%1 = %1; // code\n```\n\n")
                         .arg(i);
        }
        for (int row = 0; row < 2000; ++row) {
            table += QStringLiteral("| %1 | name %1 | row %1 says **something** that wraps | a | b | c | d | e |\n").arg(row);
        }
        code = QStringLiteral("```python\n") + QStringLiteral("def f(a, b):\n    return \"a\" + b  # words\n").repeated(10'000);
        QTest::newRow("1 MB of Markdown") << QVector<chat::Message>{user(QStringLiteral("Go")), assistant(prose)};
        QTest::newRow("table of 2000 rows") << QVector<chat::Message>{user(QStringLiteral("Go")), assistant(table)};
        QTest::newRow("20000 lines of code") << QVector<chat::Message>{user(QStringLiteral("Go")), assistant(code)};
        QTest::newRow("10000 messages") << longChat(5000);
        QTest::newRow("1 MB in one line")
            << QVector<chat::Message>{user(QStringLiteral("Go")), assistant(QStringLiteral("word ").repeated(1 << 18))};
        QTest::newRow("500 KB without a space")
            << QVector<chat::Message>{user(QStringLiteral("Go")), assistant(QString(500'000, QLatin1Char('x')))};
        QTest::newRow("500 KB in a cell")
            << QVector<chat::Message>{user(QStringLiteral("Go")),
                                      assistant(QStringLiteral("| a | b |\n|---|---|\n| %1 | c |\n")
                                                    .arg(QStringLiteral("word ").repeated(100'000)))};
        QTest::newRow("500 KB in a line of code")
            << QVector<chat::Message>{user(QStringLiteral("Go")),
                                      assistant(QStringLiteral("```\n%1\n```")
                                                    .arg(QStringLiteral("w\u00f6rt\u4e00 ").repeated(80'000)))};
        QTest::newRow("500 KB asked in one line")
            << QVector<chat::Message>{assistant(QStringLiteral("?")), user(QStringLiteral("word ").repeated(100'000))};
    }
    void hugeMessagesComeInPieces() {
        QFETCH(QVector<chat::Message>, messages);
        m_view->setMessages(messages);
        m_view->flush();
        m_view->verticalScrollBar()->setValue(0);
        for (int i = 1; i <= 20; ++i) {
            m_view->verticalScrollBar()->setValue(m_view->verticalScrollBar()->maximum() * i / 20);
        }
        m_view->resize(500, 600);
        m_view->resize(900, 600);
        m_view->scrollToMessage(messages.size() > 2 ? 5000 : 1);
        m_view->find(QStringLiteral("of"));
        QTRY_VERIFY(m_view->currentMatch() >= 0 || m_view->matchCount() == 0);
        m_view->spotsOf(m_view->messageCount() - 1);
        m_view->changeMessage(m_view->messageCount() - 1, messages.last());
        m_view->flush();
        m_view->setMessages({});
        const auto worst = m_view->worstStep();
        const auto report = QStringLiteral("read %1, laid out %2").arg(worst.parsed).arg(worst.laidOut);
        // One cell is one piece, and asking for the buttons of a message lays out all of its code.
        const bool large = QByteArray(QTest::currentDataTag()) == "500 KB in a cell" || messages.last().text.size() > 1'000'000;
        const bool fence = messages.last().text.startsWith(QLatin1String("```"));
        // A fence cannot be cut: it is taken as it stands, which is cheap.
        QVERIFY2(worst.parsed <= (fence ? messages.last().text.size() : 2 * MessageItem::kParseStep),
                 qPrintable(report));
        QVERIFY2(worst.laidOut <= (large ? 40'000 : kMostInAStep), qPrintable(report));
    }

    // What is in sight comes in steps, the reader's end first; between two of them the window has its turn.
    void whatIsInSightComesInSteps() {
        QString text;
        for (int i = 0; i < 120; ++i) {
            text += QStringLiteral("Paragraph %1 is here to be laid out, with *some* words and `code` in it, %2.\n\n")
                        .arg(i)
                        .arg(QStringLiteral("and more of them").repeated(1 + i % 5));
        }
        m_view->resize(900, 3000);
        m_view->setMessages({user(QStringLiteral("Go")), assistant(text)});
        const auto missing = [this] {
            const QRect sight = m_view->viewport()->rect();
            int count = 0;
            for (int m = 0; m < m_view->messageCount(); ++m) {
                const QPoint origin = m_view->messageRect(m).topLeft();
                for (int i = 0; i < m_view->message(m)->itemCount(); ++i) {
                    const bool seen = m_view->message(m)->itemRect(i).translated(origin).intersects(sight);
                    count += seen && !m_view->message(m)->item(i)->hasLayout() ? 1 : 0;
                }
            }
            return count;
        };
        QVERIFY(missing() > 0 && !m_view->isSettled());
        QVERIFY(m_view->message(1)->item(m_view->message(1)->itemCount() - 1)->hasLayout()); // its end is there
        m_view->grab();                                                                    // what is missing is not drawn
        QTRY_VERIFY(m_view->isSettled());
        QCOMPARE(missing(), 0);
        m_view->setMessages({});
        QVERIFY2(m_view->worstStep().laidOut <= kMostInAStep, qPrintable(QString::number(m_view->worstStep().laidOut)));
    }

    // An answer of 20 000 characters with code and a table, as it streams; then another size of text, and the way back.
    void noStepIsLongWhileAnAnswerStreams() {
        QString text;
        for (int i = 0; text.size() < 20'000; ++i) {
            text += QStringLiteral("## Part %1\n\nSome words that say *a little* about part %1, twice or more.\n\n```cpp\n"
                                   "int part_%1 = %1; // code\n```\n\n| a | b |\n|---|---|\n| %1 | w%1 |\n\n")
                        .arg(i);
        }
        m_view->setMessages({user(QStringLiteral("Go")), assistant(QString(), chat::MessageState::Streaming)});
        for (qsizetype n = 60; n < text.size(); n += 60) {
            m_view->changeMessage(1, assistant(text.left(n), chat::MessageState::Streaming));
            m_view->flush();
        }
        QFont larger = m_view->font();
        larger.setPointSizeF(larger.pointSizeF() * 1.3);
        m_view->setFont(larger);
        QVERIFY(!m_view->isSettled()); // not in the event that changes all widgets
        QTRY_VERIFY(m_view->isSettled());
        for (const int width : {500, 760, 900}) {
            m_view->resize(width, 800);
            QTRY_VERIFY(m_view->isSettled());
        }
        m_view->setMessages({});
        const auto worst = m_view->worstStep();
        QVERIFY2(worst.laidOut <= kMostInAStep, qPrintable(QString::number(worst.laidOut)));
        QVERIFY2(worst.parsed <= MessageItem::kParseStep, qPrintable(QString::number(worst.parsed)));
    }

    // Another conversation is there at once; what was drawn of the last one is freed a little at a time.
    void conversationsAreLeftInSteps() {
        m_view->setMessages(longChat(250));
        m_view->find(QStringLiteral("paragraphs")); // reads all of it
        QTRY_COMPARE(m_view->matchCount(), 250);
        m_view->setMessages(longChat(3));
        QCOMPARE(m_view->messageCount(), 6);
        QVERIFY(m_view->discardedMessages() > 200);
        QTRY_COMPARE(m_view->discardedMessages(), 0);
        m_view->setMessages({});
        const auto worst = m_view->worstStep();
        QVERIFY2(worst.freed > 0 && worst.freed <= 150, qPrintable(QString::number(worst.freed)));
    }

    // What is laid out later above the reader's place does not move it.
    void theReadersPlaceHolds() {
        QString text;
        for (int i = 0; i < 300; ++i) {
            text += QStringLiteral("%1 %2\n\n").arg(i).arg(QStringLiteral("words of many lengths ").repeated(1 + i * 7 % 11));
        }
        m_view->setMessages({user(QStringLiteral("Go")), assistant(text)});
        m_view->flush();
        m_view->verticalScrollBar()->setValue(m_view->verticalScrollBar()->maximum() / 2); // far from what is laid out
        const auto first = [this] { // the first paragraph below the upper edge and where it stands
            const QPoint origin = m_view->messageRect(1).topLeft();
            for (int i = 0; i < m_view->message(1)->itemCount(); ++i) {
                const int top = origin.y() + m_view->message(1)->itemRect(i).top();
                if (top >= 0) return QPoint(i, top);
            }
            return QPoint();
        };
        const QPoint before = first();
        QTRY_VERIFY(m_view->isSettled());
        QCOMPARE(first(), before);
    }

    void longThoughtsAreReadInPieces() {
        chat::Message answer = assistant(QStringLiteral("Done."));
        answer.thinking = QStringLiteral("thought ").repeated(60'000) + QStringLiteral("the end");
        m_view->setMessages({user(QStringLiteral("Go")), answer});
        m_view->flush();
        m_view->activate(m_scene->spotNamed(1, SpotAction::ToggleThinking));
        m_view->flush();
        m_view->find(QStringLiteral("the end"));
        QTRY_COMPARE(m_view->matchCount(), 1); // all of it is there in the end
        m_view->setMessages({});
        QVERIFY(m_view->worstStep().parsed <= 2 * MessageItem::kParseStep);
    }

    void longTablesKeepTheirColumns() {
        QString text = QStringLiteral("| id | words |\n|---|---|\n");
        for (int row = 0; row < 500; ++row) text += QStringLiteral("| %1 | w%1 |\n").arg(row);
        text += QStringLiteral("| last | this is by far the longest cell of all |\n\nAfter it.");
        m_view->setMessages({assistant(text)});
        m_view->flush();
        MessageItem *message = m_view->message(0);
        QVector<TableItem *> parts;
        for (int i = 0; i < message->itemCount(); ++i) {
            if (auto *table = dynamic_cast<TableItem *>(message->item(i))) parts << table;
        }
        QVERIFY(parts.size() > 3);
        QString words;
        for (TableItem *part : parts) {
            part->layoutFor(700, {m_view->font(), &Theme::of(m_view->palette()), m_scene->pictures.get()});
            QCOMPARE(part->naturalWidth(), parts.first()->naturalWidth());
            QCOMPARE(part->block().continued, part != parts.first());
            words += part->text() + QLatin1Char('\n');
        }
        QCOMPARE(words.count(QLatin1Char('\n')), 502); // no row is lost, the head is there once
        QVERIFY(words.startsWith(QStringLiteral("id\twords\n0\tw0\n1\tw1\n")));
        m_view->selectAll();
        const QString markdown = m_view->selectedText(true);
        QCOMPARE(markdown.count(QStringLiteral("---")), 2);
        QVERIFY(markdown.contains(QStringLiteral("| 95 | w95 |\n| 96 | w96 |")));
    }

    void longTablesStreamInPieces() {
        QString text = QStringLiteral("| a | b |\n|---|---|\n");
        m_view->setMessages({assistant(QString(), chat::MessageState::Streaming)});
        for (int row = 0; row < 600; ++row) {
            text += QStringLiteral("| %1 | words of row %1 |\n").arg(row);
            m_view->changeMessage(0, assistant(text, chat::MessageState::Streaming));
            m_view->flush();
        }
        // Each row is read some dozen times at most: while its piece is open.
        QVERIFY2(m_view->message(0)->document().parsedCharacters() < text.size() * 120,
                 qPrintable(QString::number(m_view->message(0)->document().parsedCharacters() / text.size())));
        m_view->changeMessage(0, assistant(text + QStringLiteral("\nThe end."), chat::MessageState::Complete));
        m_view->flush();
        QVERIFY(m_view->message(0)->document().blocks() == markdown::parse(text + QStringLiteral("\nThe end.")));
    }

    void longCodeIsNotLaidOutAgain() {
        m_view->setMessages(
            {user(QStringLiteral("Hi")), assistant(QStringLiteral("```cpp\nint a;\n"), chat::MessageState::Streaming)});
        QString text = QStringLiteral("```cpp\nint a;\n");
        for (int i = 0; i < 300; ++i) {
            text += QStringLiteral("int value_%1 = %1;\n").arg(i);
            m_view->changeMessage(1, assistant(text, chat::MessageState::Streaming));
            m_view->flush();
        }
        QVERIFY2(m_view->message(1)->codeLinesLaidOut() < 300 * 4,
                 qPrintable(QString::number(m_view->message(1)->codeLinesLaidOut())));
    }

    void changesShowOnceAFrame() {
        m_view->setMessages({user(QStringLiteral("Hi")), assistant(QString(), chat::MessageState::Streaming)});
        const int before = m_view->framesApplied();
        for (int i = 1; i <= 100; ++i)
            m_view->changeMessage(1, assistant(QString(i, QLatin1Char('a')), chat::MessageState::Streaming));
        QCOMPARE(m_view->framesApplied(), before);
        QTRY_COMPARE(m_view->framesApplied(), before + 1);
        QCOMPARE(m_view->message(1)->message().text.size(), 100);
    }

    void onlyWhatIsSeenIsBuilt() {
        m_view->setMessages(longChat(500));
        QCOMPARE(m_view->messageCount(), 1000);
        QElapsedTimer timer;
        timer.start();
        for (int i = 0; i < 20; ++i)
            m_view->verticalScrollBar()->setValue(i * m_view->verticalScrollBar()->maximum() / 20);
        m_view->resize(640, 600);
        m_view->grab();
        QVERIFY(m_view->verticalScrollBar()->maximum() > 20000);
    }
};

QTEST_MAIN(TranscriptPiecesTest)
#include "transcript_pieces_test.moc"
