// The transcript: streaming, selection, find, buttons, keyboard, screen readers.
#include "ui/overlay/picture_cache.h"
#include "ui/theme/theme.h"
#include "ui/transcript/transcript_view.h"
#include "ui/transcript/words.h"

#include <QAccessible>
#include <QApplication>
#include <QClipboard>
#include <QElapsedTimer>
#include <QFile>
#include <QScrollBar>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <QToolButton>

using namespace facet;
using namespace facet::ui;

namespace {

chat::Message user(const QString &text) {
    chat::Message message;
    message.text = text;
    return message;
}

chat::Message assistant(const QString &text, chat::MessageState state = chat::MessageState::Complete) {
    chat::Message message;
    message.role = chat::Role::Assistant;
    message.text = text;
    message.state = state;
    return message;
}

QVector<chat::Message> longChat(int turns) {
    QVector<chat::Message> messages;
    for (int i = 0; i < turns; ++i) {
        messages << user(QStringLiteral("Question %1").arg(i))
                 << assistant(QStringLiteral("Answer %1 has **two** paragraphs.\n\nThis is the second one, a little "
                                             "longer than the first one was.")
                                  .arg(i));
    }
    return messages;
}

} // namespace

class TranscriptTest : public QObject {
    Q_OBJECT
private:
    std::unique_ptr<PictureCache> m_pictures;
    std::unique_ptr<TranscriptView> m_view;

    SpotPlace spotNamed(int message, SpotAction action) {
        for (const SpotPlace &place : m_view->spotsOf(message)) {
            if (m_view->spotAt(place).action == action) return place;
        }
        return {};
    }

private slots:
    void initTestCase() { applyTheme(Scheme::Light); }
    void init() {
        m_pictures = std::make_unique<PictureCache>();
        m_view = std::make_unique<TranscriptView>(m_pictures.get());
        m_view->resize(800, 600);
        m_view->show();
        QVERIFY(QTest::qWaitForWindowExposed(m_view.get()));
    }
    void cleanup() {
        m_view.reset();
        m_pictures.reset();
    }

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
        constexpr qsizetype kMostLaidOut = 40'000; // some screens full of words
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
        const bool fence = messages.last().text.startsWith(QLatin1String("```"));
        // A fence cannot be cut: it is taken as it stands, which is cheap.
        QVERIFY2(worst.parsed <= (fence ? messages.last().text.size() : 2 * MessageItem::kParseStep),
                 qPrintable(report));
        QVERIFY2(worst.laidOut <= kMostLaidOut, qPrintable(report));
    }

    void longThoughtsAreReadInPieces() {
        chat::Message answer = assistant(QStringLiteral("Done."));
        answer.thinking = QStringLiteral("thought ").repeated(60'000) + QStringLiteral("the end");
        m_view->setMessages({user(QStringLiteral("Go")), answer});
        m_view->flush();
        m_view->activate(spotNamed(1, SpotAction::ToggleThinking));
        m_view->flush();
        m_view->find(QStringLiteral("the end"));
        QTRY_COMPARE(m_view->matchCount(), 1); // all of it is there in the end
        m_view->setMessages({});
        QVERIFY(m_view->worstStep().parsed <= 2 * MessageItem::kParseStep);
    }

    // The arrow to the end stands beside the text or below it, never on it.
    void theArrowHidesNoLine() {
        m_view->setMessages(longChat(40));
        for (const int width : {1100, 900, 800, 480, 380}) {
            m_view->resize(width, 600);
            m_view->scrollToMessage(10);
            const QToolButton *arrow = m_view->jumpButton();
            QVERIFY(arrow->isVisible());
            QVERIFY(m_view->rect().contains(arrow->geometry()));
            const QRect view = m_view->viewport()->geometry();
            const int left = m_view->messageRect(10).left();
            const QRect column(view.left() + left, view.top(), m_view->columnRight() - left, view.height());
            QVERIFY2(!column.intersects(arrow->geometry()), qPrintable(QString::number(width)));
            const int top = m_view->messageRect(10).top();
            m_view->verticalScrollBar()->setValue(m_view->verticalScrollBar()->value() - 10);
            QCOMPARE(m_view->messageRect(10).top(), top + 10); // and nothing jumps
            m_view->scrollToEnd();
            QVERIFY(!arrow->isVisible());
            QVERIFY(m_view->isAtEnd());
            QCOMPARE(m_view->viewport()->height(), m_view->height());
        }
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
            part->layoutFor(700, {m_view->font(), &Theme::of(m_view->palette()), m_pictures.get()});
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

    void versionsAreSwitched() {
        QVector<chat::Message> messages = longChat(20);
        messages[21].id = 7;
        messages[21].versions = {5, 7, 9};
        m_view->setMessages(messages);
        m_view->scrollToMessage(20);
        const int before = m_view->messageRect(20).top();
        QSignalSpy requested(m_view.get(), &TranscriptView::versionRequested);
        m_view->activate(spotNamed(21, SpotAction::OlderVersion));
        QCOMPARE(requested.last(), (QVariantList{21, 0}));
        m_view->activate(spotNamed(21, SpotAction::NewerVersion));
        QCOMPARE(requested.last(), (QVariantList{21, 2}));
        QVERIFY(m_view->accessibleNameOf(21).size() > 0);
        QVERIFY(!spotNamed(23, SpotAction::OlderVersion).isValid());
        QVector<chat::Message> other = {assistant(QStringLiteral("Another answer"))};
        other[0].id = 9;
        other[0].versions = {5, 7, 9};
        m_view->replaceFrom(21, other);
        QCOMPARE(m_view->messageCount(), 22);
        QVERIFY(spotNamed(21, SpotAction::OlderVersion).isValid());
        QVERIFY(!spotNamed(21, SpotAction::NewerVersion).isValid());
        // The reader's place: the question is not above where it was, unless the conversation ends before.
        QVERIFY(m_view->messageRect(20).top() >= before);
    }

    void thoughtsTellHowLongTheyTook() {
        chat::Message answer = assistant(QStringLiteral("A"));
        answer.thinking = QStringLiteral("Hm");
        answer.thinkingSeconds = 12.3;
        m_view->setMessages({user(QStringLiteral("Hi")), answer});
        QVERIFY(m_view->spotAt(spotNamed(1, SpotAction::ToggleThinking)).label.startsWith(
            QStringLiteral("Thought for 12 s")));
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

    void sticksToTheEndUnlessScrolledUp() {
        m_view->setMessages(longChat(30));
        QVERIFY(m_view->isAtEnd());
        m_view->addMessage(assistant(QStringLiteral("More\n\n").repeated(20), chat::MessageState::Streaming));
        m_view->flush();
        QVERIFY(m_view->isAtEnd());
        m_view->verticalScrollBar()->setValue(m_view->verticalScrollBar()->value() - 400);
        QVERIFY(!m_view->isAtEnd());
        int seen = 0; // the first message that is in sight
        while (m_view->messageRect(seen).top() < 0) ++seen;
        const int top = m_view->messageRect(seen).top();
        QVERIFY(top < m_view->viewport()->height());
        m_view->changeMessage(60, assistant(QStringLiteral("More\n\n").repeated(60), chat::MessageState::Streaming));
        m_view->flush();
        QVERIFY(!m_view->isAtEnd());
        QCOMPARE(m_view->messageRect(seen).top(), top); // nothing moves under the reader's eyes
        m_view->scrollToEnd();
        QVERIFY(m_view->isAtEnd());
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

    void selectionAcrossMessages() {
        m_view->setMessages(
            {user(QStringLiteral("First question")),
             assistant(QStringLiteral("Some **bold** text\n\n- item one\n- item two\n\n```py\nx = 1\n```"))});
        m_view->selectAll();
        const QString plain = m_view->selectedText(false), markdown = m_view->selectedText(true);
        QCOMPARE(plain, QStringLiteral("First question\n\nSome bold text\n\n• item one\n• item two\n\nx = 1"));
        QCOMPARE(markdown,
                 QStringLiteral("First question\n\nSome **bold** text\n\n- item one\n- item two\n\n```py\nx = 1\n```"));
        m_view->setSelection({0, 0, 6}, {1, 0, 9});
        QCOMPARE(m_view->selectedText(false), QStringLiteral("question\n\nSome bold"));
        QCOMPARE(m_view->selectedText(true), QStringLiteral("question\n\nSome **bold**"));
        m_view->setSelection({1, 0, 9}, {0, 0, 6}); // backwards is the same
        QCOMPARE(m_view->selectedText(false), QStringLiteral("question\n\nSome bold"));
        m_view->copy(false);
        QCOMPARE(QApplication::clipboard()->text(), QStringLiteral("question\n\nSome bold"));
    }

    void selectionByMouse() {
        m_view->setMessages({user(QStringLiteral("alpha beta")), assistant(QStringLiteral("gamma delta epsilon"))});
        m_view->grab();
        const QRect answer = m_view->messageRect(1), question = m_view->messageRect(0);
        const QPoint from(question.left() + 2, question.top() + 28), to(answer.right() - 10, answer.top() + 20);
        QTest::mousePress(m_view->viewport(), Qt::LeftButton, {}, from);
        QTest::mouseMove(m_view->viewport(), to);
        QTest::mouseRelease(m_view->viewport(), Qt::LeftButton, {}, to);
        QCOMPARE(m_view->selectedText(false), QStringLiteral("alpha beta\n\ngamma delta epsilon"));
        QTest::mouseDClick(m_view->viewport(), Qt::LeftButton, {}, QPoint(answer.left() + 8, answer.top() + 20));
        QCOMPARE(m_view->selectedText(false), QStringLiteral("gamma"));
    }

    void selectionByKeyboard() {
        m_view->setMessages({user(QStringLiteral("alpha")), assistant(QStringLiteral("beta gamma\n\ndelta"))});
        m_view->setFocus();
        m_view->setSelection({1, 0, 0}, {1, 0, 0});
        for (int i = 0; i < 4; ++i) QTest::keyClick(m_view.get(), Qt::Key_Right, Qt::ShiftModifier);
        QCOMPARE(m_view->selectedText(false), QStringLiteral("beta"));
        QTest::keyClick(m_view.get(), Qt::Key_End, Qt::ShiftModifier);
        QCOMPARE(m_view->selectedText(false), QStringLiteral("beta gamma"));
        QTest::keyClick(m_view.get(), Qt::Key_Right, Qt::ShiftModifier); // into the next block
        QTest::keyClick(m_view.get(), Qt::Key_Right, Qt::ShiftModifier);
        QCOMPARE(m_view->selectedText(false), QStringLiteral("beta gamma\n\nd"));
        QTest::keyClick(m_view.get(), Qt::Key_Down, Qt::ShiftModifier);
        QTest::keyClick(m_view.get(), Qt::Key_Escape);
        QVERIFY(!m_view->hasSelection());
    }

    void find() {
        m_view->setMessages(longChat(40));
        QCOMPARE(m_view->find(QStringLiteral("paragraphs")), 40);
        QCOMPARE(m_view->find(QStringLiteral("answer 3")), 11); // 3, 30..39; words without their Markdown
        m_view->findNext(1);
        const int current = m_view->currentMatch();
        m_view->findNext(-1);
        QVERIFY(m_view->currentMatch() != current);
        QCOMPARE(m_view->find(QStringLiteral("nowhere to be found")), 0);
        QCOMPARE(m_view->find(QStringLiteral("question 0")), 1);
        const QRect rect = m_view->messageRect(0);
        QVERIFY(rect.bottom() > 0 && rect.top() < m_view->viewport()->height()); // it was scrolled to
    }

    void toolCardButtons() {
        chat::Message answer = assistant(QString(), chat::MessageState::Streaming);
        chat::ToolUse use;
        use.callId = QStringLiteral("call_7");
        use.tool = QStringLiteral("calculator");
        use.argumentsJson = QStringLiteral("{\"expression\":\"1+1\"}");
        answer.tools = {use};
        m_view->setMessages({user(QStringLiteral("1+1?")), answer});
        QSignalSpy decided(m_view.get(), &TranscriptView::toolDecided);
        const SpotPlace allow = spotNamed(1, SpotAction::AllowTool), deny = spotNamed(1, SpotAction::DenyTool);
        QVERIFY(allow.isValid() && deny.isValid());
        QTest::mouseClick(m_view->viewport(), Qt::LeftButton, {}, m_view->spotRect(allow).center());
        QCOMPARE(decided.size(), 1);
        QCOMPARE(decided[0][1].toString(), QStringLiteral("call_7"));
        QCOMPARE(decided[0][2].toBool(), true);
        // By keyboard: Tab to Deny, Enter.
        m_view->setFocus(Qt::TabFocusReason);
        m_view->setFocusMessage(1);
        for (int i = 0; i < 10 && !(m_view->focusSpot() == deny); ++i) QTest::keyClick(m_view.get(), Qt::Key_Tab);
        QVERIFY(m_view->focusSpot() == deny);
        QTest::keyClick(m_view.get(), Qt::Key_Return);
        QCOMPARE(decided.size(), 2);
        QCOMPARE(decided[1][2].toBool(), false);
        answer.tools[0].state = chat::ToolState::Done;
        m_view->changeMessage(1, answer);
        m_view->flush();
        QVERIFY(!spotNamed(1, SpotAction::AllowTool).isValid()); // no button after the decision
    }

    void messageActions() {
        m_view->setMessages({user(QStringLiteral("Hello")), assistant(QStringLiteral("Hi **you**"))});
        QSignalSpy edit(m_view.get(), &TranscriptView::editRequested),
            again(m_view.get(), &TranscriptView::regenerateRequested);
        m_view->activate(spotNamed(0, SpotAction::EditMessage));
        QCOMPARE(edit.size(), 1);
        m_view->activate(spotNamed(1, SpotAction::Regenerate));
        QCOMPARE(again[0][0].toInt(), 1);
        m_view->activate(spotNamed(1, SpotAction::CopyMessage));
        QCOMPARE(QApplication::clipboard()->text(), QStringLiteral("Hi **you**"));
    }

    void copyCode() {
        m_view->setMessages({user(QStringLiteral("x")), assistant(QStringLiteral("```sh\n\tmake all\n```"))});
        m_view->activate(spotNamed(1, SpotAction::CopyCode));
        QCOMPARE(QApplication::clipboard()->text(), QStringLiteral("\tmake all")); // tabs and all
    }

    void thinkingFolds() {
        chat::Message answer = assistant(QStringLiteral("Done."));
        answer.thinking = QStringLiteral("Secret thoughts");
        m_view->setMessages({user(QStringLiteral("x")), answer});
        QCOMPARE(m_view->find(QStringLiteral("secret")), 0);
        m_view->activate(spotNamed(1, SpotAction::ToggleThinking));
        QCOMPARE(m_view->find(QStringLiteral("secret")), 1);
        m_view->activate(spotNamed(1, SpotAction::ToggleThinking));
        QVERIFY(!m_view->message(1)->isThinkingOpen());
    }

    void boxesOverThePictureOfTheQuestion() {
        chat::Message question = user(QStringLiteral("Where?"));
        chat::Attachment picture;
        picture.hash = QStringLiteral("h");
        picture.name = QStringLiteral("shapes.png");
        picture.width = 640;
        picture.height = 480;
        question.attachments = {picture};
        m_view->setAttachmentPaths([](const chat::Attachment &) {
            return QString::fromLocal8Bit(qgetenv("FACET_FIXTURES")) + QStringLiteral("/media/shapes.png");
        });
        m_view->setMessages({question});
        m_view->addMessage(
            assistant(QStringLiteral("```json\n[{\"box_2d\": [100, 100, 500, 500], \"label\": \"circle\"}"),
                      chat::MessageState::Streaming));
        m_view->flush();
        const MarkedPictureItem *marked = m_view->message(1)->markedPicture();
        QVERIFY(marked); // already while it is written
        QCOMPARE(marked->marks().size(), 1);
        m_view->changeMessage(1, assistant(QStringLiteral(
                                     "```json\n[{\"box_2d\": [100, 100, 500, 500], \"label\": \"circle\"},{\"box_2d\": "
                                     "[600, 600, 900, 900], \"label\": \"square\"}]\n```")));
        m_view->flush();
        QCOMPARE(m_view->message(1)->markedPicture(), marked); // the same item, one box more
        QCOMPARE(marked->marks().size(), 2);
        QSignalSpy opened(m_view.get(), &TranscriptView::pictureOpened);
        m_view->activate(spotNamed(1, SpotAction::OpenPicture));
        QCOMPARE(opened.size(), 1);
        m_view->activate(spotNamed(1, SpotAction::CopyMarks));
        QVERIFY(QApplication::clipboard()->text().contains(QStringLiteral("square")));
        // The frame is really there: the place of the first box's left line has its colour.
        QTRY_VERIFY(
            !m_pictures
                 ->picture(QString::fromLocal8Bit(qgetenv("FACET_FIXTURES")) + QStringLiteral("/media/shapes.png"), 700)
                 .isNull());
        m_view->scrollToMessage(1);
        const SpotPlace place = spotNamed(1, SpotAction::OpenPicture);
        const QRect rect = m_view->spotRect(place);
        const QRectF box = markRect(marked->marks()[0], QRectF(rect), m_view->devicePixelRatioF());
        const QImage shot = m_view->viewport()->grab().toImage();
        const QPoint at(int(box.left() * shot.devicePixelRatio()), int(box.center().y() * shot.devicePixelRatio()));
        QVERIFY(shot.rect().contains(at));
        QCOMPARE(shot.pixelColor(at), Theme::labelColour(marked->marks()[0].colour));
    }

    // Boxes over a picture that is missing or cannot be read would hang in the air.
    void noBoxesWithoutTheirPicture() {
        QTemporaryDir folder;
        QFile broken(folder.filePath(QStringLiteral("broken.png")));
        QVERIFY(broken.open(QIODevice::WriteOnly));
        broken.write("no picture");
        broken.close();
        for (const QString &path : {broken.fileName(), folder.filePath(QStringLiteral("missing.png")), QString()}) {
            chat::Message question = user(QStringLiteral("Where?"));
            chat::Attachment picture;
            picture.name = QStringLiteral("shapes.png");
            picture.width = 640;
            picture.height = 480;
            question.attachments = {picture};
            m_view->setAttachmentPaths([path](const chat::Attachment &) { return path; });
            m_view->setMessages({question, assistant(QStringLiteral(
                                               "```json\n[{\"box_2d\": [100, 100, 900, 900], \"label\": \"x\"}]\n```"))});
            const MarkedPictureItem *marked = m_view->message(1)->markedPicture();
            QVERIFY(marked);
            m_view->scrollToMessage(1);
            if (!path.isEmpty()) {
                m_view->grab();
                QTRY_VERIFY(!m_pictures->problem(path).isEmpty());
            }
            const QRect rect = m_view->spotRect(spotNamed(1, SpotAction::OpenPicture));
            const QRectF box = markRect(marked->marks()[0], QRectF(rect), m_view->devicePixelRatioF());
            const QImage shot = m_view->viewport()->grab().toImage();
            for (int y = int(box.top()) + 20; y < int(box.bottom()) - 20 && y < shot.height(); y += 7) {
                QVERIFY(shot.pixelColor(int(box.left()), y) != Theme::labelColour(marked->marks()[0].colour));
            }
            QVERIFY(marked->toolTipAt(marked->pictureRect().center()).isEmpty());
        }
    }

    void linksAreReportedNotOpened() {
        m_view->setMessages(
            {user(QStringLiteral("x")), assistant(QStringLiteral("[reference](https://example.org/a)"))});
        m_view->grab();
        QSignalSpy link(m_view.get(), &TranscriptView::linkActivated);
        const QRect rect = m_view->messageRect(1);
        QTest::mouseClick(m_view->viewport(), Qt::LeftButton, {}, QPoint(rect.left() + 20, rect.top() + 20));
        QCOMPARE(link.size(), 1);
        QCOMPARE(link[0][0].toUrl(), QUrl(QStringLiteral("https://example.org/a")));
    }

    void accessibility() {
        m_view->setMessages({user(QStringLiteral("Hello")), assistant(QStringLiteral("Hi **there**"))});
        QAccessibleInterface *view = QAccessible::queryAccessibleInterface(m_view.get());
        QVERIFY(view);
        QCOMPARE(view->role(), QAccessible::List);
        QCOMPARE(view->childCount(), 2);
        QCOMPARE(view->child(0)->text(QAccessible::Name), QStringLiteral("You: Hello"));
        QCOMPARE(view->child(1)->text(QAccessible::Name), QStringLiteral("Facet: Hi there"));
        QCOMPARE(view->child(1)->parent(), view);
        QCOMPARE(view->indexOfChild(view->child(1)), 1);
        QAccessibleInterface *answer = view->child(1);
        QVERIFY(answer->childCount() >= 2);
        QStringList names;
        for (int i = 0; i < answer->childCount(); ++i) {
            QCOMPARE(answer->child(i)->role(), QAccessible::Button);
            names << answer->child(i)->text(QAccessible::Name);
            QVERIFY(!answer->child(i)->rect().isEmpty());
        }
        QVERIFY(names.contains(QStringLiteral("Copy message")));
        auto *press =
            static_cast<QAccessibleActionInterface *>(answer->child(int(names.indexOf(QStringLiteral("Copy message"))))
                                                          ->interface_cast(QAccessible::ActionInterface));
        QVERIFY(press);
        press->doAction(QAccessibleActionInterface::pressAction());
        QCOMPARE(QApplication::clipboard()->text(), QStringLiteral("Hi **there**"));
        m_view->removeFrom(1);
        QCOMPARE(view->childCount(), 1);
        QVERIFY(!view->child(1));
    }

    void removalAndLateChanges() {
        m_view->setMessages(longChat(3));
        m_view->selectAll();
        m_view->changeMessage(5, assistant(QStringLiteral("late"), chat::MessageState::Streaming));
        m_view->removeFrom(2);
        m_view->flush();
        QCOMPARE(m_view->messageCount(), 2);
        m_view->changeMessage(7, assistant(QStringLiteral("later")));
        m_view->selectedText(false);
        m_view->setMessages({});
        m_view->selectAll();
        QCOMPARE(m_view->selectedText(true), QString());
        QTest::keyClick(m_view.get(), Qt::Key_Down, Qt::ControlModifier);
        QTest::keyClick(m_view.get(), Qt::Key_Right, Qt::ShiftModifier);
        QTest::mouseClick(m_view->viewport(), Qt::LeftButton, {}, QPoint(100, 100));
        m_view->grab();
    }

    void everyWidthAndScheme() {
        m_view->setMessages(
            {user(QStringLiteral("x")), assistant(QStringLiteral("# H\n\n| a | b |\n|---|---|\n| a very long cell that "
                                                                 "has to wrap somewhere | 2 |\n\n```\n%1\n```\n")
                                                      .arg(QString(400, QLatin1Char('w'))))});
        for (const Scheme scheme : {Scheme::Light, Scheme::Dark, Scheme::HighContrast}) {
            applyTheme(scheme);
            QApplication::processEvents(); // widgets hear of a new palette through the event loop
            for (const int width : {360, 480, 1600}) {
                m_view->resize(width, 700);
                const QImage shot = m_view->grab().toImage();
                QCOMPARE(shot.pixelColor(2, 300), Theme::of(scheme).ground);
                QVERIFY(m_view->messageRect(1).width() <= space::kColumn);
            }
        }
        applyTheme(Scheme::Light);
    }

    void phases_data() {
        QTest::addColumn<int>("phase");
        QTest::addColumn<int>("done");
        QTest::addColumn<int>("total");
        QTest::addColumn<double>("seconds");
        QTest::addColumn<QString>("expected");
        using P = chat::TurnPhase;
        const auto row = [](const char *name, P phase, int done, int total, double seconds, const char *expected) {
            QTest::newRow(name) << int(phase) << done << total << seconds << QString::fromUtf8(expected);
        };
        row("idle", P::Idle, 0, 0, 0, "");
        row("loading", P::Loading, 43, 100, 1, "Loading model 43 %");
        row("picture", P::ReadingPicture, 0, 2, 1, "Reading picture 1 of 2");
        row("second picture", P::ReadingPicture, 1, 2, 1, "Reading picture 2 of 2");
        row("last picture done", P::ReadingPicture, 2, 2, 1, "Reading picture 2 of 2");
        row("prompt", P::ReadingPrompt, 1200, 3000, 1, "Reading prompt 40 %");
        row("prompt unknown", P::ReadingPrompt, 0, 0, 1, "Reading prompt");
        row("thinking", P::Thinking, 0, 0, 12.7, "Thinking 12 s");
        row("writing", P::Writing, 0, 0, 3, "Writing");
        row("asking", P::AskingTool, 0, 0, 3, "Waiting for your permission");
    }
    void phases() {
        QFETCH(int, phase);
        QFETCH(int, done);
        QFETCH(int, total);
        QFETCH(double, seconds);
        QFETCH(QString, expected);
        chat::TurnProgress progress;
        progress.phase = chat::TurnPhase(phase);
        progress.done = quint64(done);
        progress.total = quint64(total);
        progress.secondsInPhase = seconds;
        QCOMPARE(phaseText(progress), expected);
    }
};

QTEST_MAIN(TranscriptTest)
#include "transcript_test.moc"
