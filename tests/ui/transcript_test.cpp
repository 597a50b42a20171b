// The transcript: where it stands, selection, find, buttons, keyboard, screen readers.
#include "transcript_scene.h"
#include "ui/transcript/words.h"

#include <QAccessible>
#include <QApplication>
#include <QClipboard>
#include <QScrollBar>
#include <QSignalSpy>
#include <QToolButton>

using namespace facet;
using namespace facet::ui;
using tests::assistant;
using tests::longChat;
using tests::user;

class TranscriptTest : public QObject {
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

    void versionsAreSwitched() {
        QVector<chat::Message> messages = longChat(20);
        messages[21].id = 7;
        messages[21].versions = {5, 7, 9};
        m_view->setMessages(messages);
        m_view->scrollToMessage(20);
        const int before = m_view->messageRect(20).top();
        QSignalSpy requested(m_view, &TranscriptView::versionRequested);
        m_view->activate(m_scene->spotNamed(21, SpotAction::OlderVersion));
        QCOMPARE(requested.last(), (QVariantList{21, 0}));
        m_view->activate(m_scene->spotNamed(21, SpotAction::NewerVersion));
        QCOMPARE(requested.last(), (QVariantList{21, 2}));
        QVERIFY(m_view->accessibleNameOf(21).size() > 0);
        QVERIFY(!m_scene->spotNamed(23, SpotAction::OlderVersion).isValid());
        QVector<chat::Message> other = {assistant(QStringLiteral("Another answer"))};
        other[0].id = 9;
        other[0].versions = {5, 7, 9};
        m_view->replaceFrom(21, other);
        QCOMPARE(m_view->messageCount(), 22);
        QVERIFY(m_scene->spotNamed(21, SpotAction::OlderVersion).isValid());
        QVERIFY(!m_scene->spotNamed(21, SpotAction::NewerVersion).isValid());
        // The reader's place: the question is not above where it was, unless the conversation ends before.
        QVERIFY(m_view->messageRect(20).top() >= before);
    }

    void thoughtsTellHowLongTheyTook() {
        chat::Message answer = assistant(QStringLiteral("A"));
        answer.thinking = QStringLiteral("Hm");
        answer.thinkingSeconds = 12.3;
        m_view->setMessages({user(QStringLiteral("Hi")), answer});
        QVERIFY(m_view->spotAt(m_scene->spotNamed(1, SpotAction::ToggleThinking)).label.startsWith(
            QStringLiteral("Thought for 12 s")));
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
        for (int i = 0; i < 4; ++i) QTest::keyClick(m_view, Qt::Key_Right, Qt::ShiftModifier);
        QCOMPARE(m_view->selectedText(false), QStringLiteral("beta"));
        QTest::keyClick(m_view, Qt::Key_End, Qt::ShiftModifier);
        QCOMPARE(m_view->selectedText(false), QStringLiteral("beta gamma"));
        QTest::keyClick(m_view, Qt::Key_Right, Qt::ShiftModifier); // into the next block
        QTest::keyClick(m_view, Qt::Key_Right, Qt::ShiftModifier);
        QCOMPARE(m_view->selectedText(false), QStringLiteral("beta gamma\n\nd"));
        QTest::keyClick(m_view, Qt::Key_Down, Qt::ShiftModifier);
        QTest::keyClick(m_view, Qt::Key_Escape);
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
        QSignalSpy decided(m_view, &TranscriptView::toolDecided);
        const SpotPlace allow = m_scene->spotNamed(1, SpotAction::AllowTool);
        const SpotPlace deny = m_scene->spotNamed(1, SpotAction::DenyTool);
        QVERIFY(allow.isValid() && deny.isValid());
        QTest::mouseClick(m_view->viewport(), Qt::LeftButton, {}, m_view->spotRect(allow).center());
        QCOMPARE(decided.size(), 1);
        QCOMPARE(decided[0][1].toString(), QStringLiteral("call_7"));
        QCOMPARE(decided[0][2].toBool(), true);
        // By keyboard: Tab to Deny, Enter.
        m_view->setFocus(Qt::TabFocusReason);
        m_view->setFocusMessage(1);
        for (int i = 0; i < 10 && !(m_view->focusSpot() == deny); ++i) QTest::keyClick(m_view, Qt::Key_Tab);
        QVERIFY(m_view->focusSpot() == deny);
        QTest::keyClick(m_view, Qt::Key_Return);
        QCOMPARE(decided.size(), 2);
        QCOMPARE(decided[1][2].toBool(), false);
        answer.tools[0].state = chat::ToolState::Done;
        m_view->changeMessage(1, answer);
        m_view->flush();
        QVERIFY(!m_scene->spotNamed(1, SpotAction::AllowTool).isValid()); // no button after the decision
    }

    void messageActions() {
        m_view->setMessages({user(QStringLiteral("Hello")), assistant(QStringLiteral("Hi **you**"))});
        QSignalSpy edit(m_view, &TranscriptView::editRequested),
            again(m_view, &TranscriptView::regenerateRequested);
        m_view->activate(m_scene->spotNamed(0, SpotAction::EditMessage));
        QCOMPARE(edit.size(), 1);
        m_view->activate(m_scene->spotNamed(1, SpotAction::Regenerate));
        QCOMPARE(again[0][0].toInt(), 1);
        m_view->activate(m_scene->spotNamed(1, SpotAction::CopyMessage));
        QCOMPARE(QApplication::clipboard()->text(), QStringLiteral("Hi **you**"));
    }

    void copyCode() {
        m_view->setMessages({user(QStringLiteral("x")), assistant(QStringLiteral("```sh\n\tmake all\n```"))});
        m_view->activate(m_scene->spotNamed(1, SpotAction::CopyCode));
        QCOMPARE(QApplication::clipboard()->text(), QStringLiteral("\tmake all")); // tabs and all
    }

    void thinkingFolds() {
        chat::Message answer = assistant(QStringLiteral("Done."));
        answer.thinking = QStringLiteral("Secret thoughts");
        m_view->setMessages({user(QStringLiteral("x")), answer});
        QCOMPARE(m_view->find(QStringLiteral("secret")), 0);
        m_view->activate(m_scene->spotNamed(1, SpotAction::ToggleThinking));
        QCOMPARE(m_view->find(QStringLiteral("secret")), 1);
        m_view->activate(m_scene->spotNamed(1, SpotAction::ToggleThinking));
        QVERIFY(!m_view->message(1)->isThinkingOpen());
    }

    void linksAreReportedNotOpened() {
        m_view->setMessages(
            {user(QStringLiteral("x")), assistant(QStringLiteral("[reference](https://example.org/a)"))});
        m_view->grab();
        QSignalSpy link(m_view, &TranscriptView::linkActivated);
        const QRect rect = m_view->messageRect(1);
        QTest::mouseClick(m_view->viewport(), Qt::LeftButton, {}, QPoint(rect.left() + 20, rect.top() + 20));
        QCOMPARE(link.size(), 1);
        QCOMPARE(link[0][0].toUrl(), QUrl(QStringLiteral("https://example.org/a")));
    }

    void accessibility() {
        m_view->setMessages({user(QStringLiteral("Hello")), assistant(QStringLiteral("Hi **there**"))});
        QAccessibleInterface *view = QAccessible::queryAccessibleInterface(m_view);
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
        QTest::keyClick(m_view, Qt::Key_Down, Qt::ControlModifier);
        QTest::keyClick(m_view, Qt::Key_Right, Qt::ShiftModifier);
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
