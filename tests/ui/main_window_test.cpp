// The whole window over a scripted controller.
#include "ui/composer/composer.h"
#include "ui/dialogs/info_dialogs.h"
#include "ui/dialogs/settings_dialog.h"
#include "ui/dialogs/shortcuts_page.h"
#include "ui/main_window.h"
#include "ui/models/models_dialog.h"
#include "ui/sidebar/conversation_model.h"
#include "ui/sidebar/hit_list.h"
#include "ui/sidebar/sidebar.h"
#include "ui/theme/icons.h"
#include "ui/theme/theme.h"
#include "ui/transcript/transcript_view.h"
#include "ui/widgets/bars.h"
#include "ui/widgets/empty_state.h"
#include "window_fixture.h"

#include <QAbstractItemModelTester>
#include <QApplication>
#include <QClipboard>
#include <QFile>
#include <QFileDialog>
#include <QKeySequenceEdit>
#include <QLabel>
#include <QLineEdit>
#include <QListView>
#include <QListWidget>
#include <QPushButton>
#include <QSettings>
#include <QTemporaryDir>
#include <QTest>
#include <QThreadPool>
#include <QToolButton>

using namespace facet;
using namespace facet::ui;
using tests::FakeChatController;

class MainWindowTest : public tests::WindowFixture {
    Q_OBJECT

private slots:
    // Before anything else of this program: the first frame finds its icons drawn, on another thread, and its ground is
    // painted once.
    void initTestCase() {
        m_controller = std::make_unique<FakeChatController>();
        m_window = std::make_unique<MainWindow>(m_controller.get(), nullptr);
        QThreadPool::globalInstance()->waitForDone();
        m_window->show();
        QVERIFY(QTest::qWaitForWindowExposed(m_window.get()));
        m_window->grab();
        QCOMPARE(iconsReadWhilePainting(), QStringList());
        QVERIFY(part<EmptyState>()->testAttribute(Qt::WA_OpaquePaintEvent));
        QVERIFY(!part<EmptyState>()->autoFillBackground());
        QVERIFY(part<TranscriptView>()->viewport()->testAttribute(Qt::WA_OpaquePaintEvent));
        cleanup();
    }
    void init() { open(); }
    void cleanup() { close(); }

    void aWholeTurn() {
        m_controller->script({QStringLiteral("Hello **there**"), QStringLiteral("A greeting.")});
        auto *composer = part<Composer>();
        QTest::keyClicks(composer->edit(), QStringLiteral("Hi"));
        QTest::keyClick(composer->edit(), Qt::Key_Return);
        QVERIFY(m_controller->calls.contains(QStringLiteral("send Hi")));
        QVERIFY(composer->text().isEmpty());
        QCOMPARE(composer->sendButton()->accessibleName(), QStringLiteral("Stop"));
        QCOMPARE(part<PhaseStrip>()->text(), QStringLiteral("Thinking"));
        m_controller->finishTurn();
        auto *transcript = part<TranscriptView>();
        transcript->flush();
        QCOMPARE(transcript->messageCount(), 2);
        QCOMPARE(transcript->message(1)->message().text, QStringLiteral("Hello **there**"));
        QCOMPARE(composer->sendButton()->accessibleName(), QStringLiteral("Send"));
        QVERIFY(!part<PhaseStrip>()->isVisible());
        QCOMPARE(m_window->windowTitle(), QStringLiteral("Hi — Facet"));
    }

    void stopKeepsTheText() {
        m_controller->script({QStringLiteral("A long answer that will be stopped halfway"), {}, {}, 6});
        m_controller->send(QStringLiteral("Go"));
        m_controller->step();
        QVERIFY(action(QStringLiteral("Ctrl+."))->isEnabled());
        action(QStringLiteral("Ctrl+."))->trigger();
        QVERIFY(m_controller->calls.contains(QStringLiteral("stop")));
        part<TranscriptView>()->flush();
        QVERIFY(part<TranscriptView>()->message(1)->message().state == chat::MessageState::Stopped);
        QCOMPARE(part<TranscriptView>()->message(1)->message().text, QStringLiteral("A long"));
    }

    void editAndRegenerate() {
        m_controller->send(QStringLiteral("First"));
        m_controller->finishTurn();
        auto *composer = part<Composer>();
        composer->edit()->setFocus();
        QTest::keyClick(composer->edit(), Qt::Key_Up);
        QCOMPARE(composer->text(), QStringLiteral("First"));
        QTest::keyClicks(composer->edit(), QStringLiteral("!"));
        QTest::keyClick(composer->edit(), Qt::Key_Return);
        QVERIFY(m_controller->calls.contains(QStringLiteral("edit 0 First!")));
        m_controller->finishTurn();
        part<TranscriptView>()->flush();
        QCOMPARE(part<TranscriptView>()->messageCount(), 2);
        action(QStringLiteral("Ctrl+R"))->trigger();
        QVERIFY(m_controller->calls.contains(QStringLiteral("regenerate 1")));
    }

    void attachments() {
        const QString folder = QString::fromLocal8Bit(qgetenv("FACET_FIXTURES")) + QStringLiteral("/media/");
        m_window->attachFiles({folder + QStringLiteral("shapes.png"), folder + QStringLiteral("speech_en_16k.wav")});
        auto *composer = part<Composer>();
        QCOMPARE(composer->chips().size(), 2);
        QTRY_VERIFY(composer->sendButton()->isEnabled()); // both were read
        QTest::keyClick(composer->edit(), Qt::Key_Return);
        QCOMPARE(m_controller->pendingCount(), 0);
        QVERIFY(composer->chips().isEmpty());
        QCOMPARE(m_controller->messages()[0].attachments.size(), 2);
    }

    void conversationList() {
        fill();
        auto *sidebar = part<Sidebar>();
        QAbstractItemModelTester tester(sidebar->model(), QAbstractItemModelTester::FailureReportingMode::QtTest);
        QCOMPARE(sidebar->model()->rowCount(), 3);
        sidebar->list()->setCurrentIndex(sidebar->model()->index(2));
        QVERIFY(m_controller->calls.contains(QStringLiteral("open 3")));
        sidebar->search()->setText(QStringLiteral("2"));
        QCOMPARE(sidebar->model()->rowCount(), 1);
        sidebar->search()->clear();
        QVERIFY(sidebar->model()->setData(sidebar->model()->index(0), QStringLiteral("  Renamed "), Qt::EditRole));
        QVERIFY(m_controller->calls.contains(QStringLiteral("rename 1 Renamed")));
        sidebar->list()->setCurrentIndex(sidebar->model()->index(0));
        QTest::keyClick(sidebar->list(), Qt::Key_Delete);
        QVERIFY(m_controller->calls.contains(QStringLiteral("delete 1")));
        QCOMPARE(sidebar->model()->rowCount(), 2);
        auto *toast = part<Toast>();
        QVERIFY(toast->isVisible());
        QVERIFY(toast->text().contains(QStringLiteral("Renamed")));
        toast->button()->click();
        QVERIFY(m_controller->calls.contains(QStringLiteral("undoDelete")));
        QCOMPARE(sidebar->model()->rowCount(), 3);
    }

    void engineStates() {
        chat::EngineState state = m_controller->engine();
        auto *composer = part<Composer>();
        QTest::keyClicks(composer->edit(), QStringLiteral("x"));
        QVERIFY(composer->sendButton()->isEnabled());
        state.kind = chat::EngineState::Kind::Loading;
        state.loadedBytes = 43;
        state.totalBytes = 100;
        m_controller->setEngineState(state);
        QCOMPARE(part<PhaseStrip>()->text(), QStringLiteral("Loading model 43 %"));
        QVERIFY(!composer->sendButton()->isEnabled());
        QCOMPARE(composer->sendButton()->toolTip(), QStringLiteral("The model is still loading."));
        state.kind = chat::EngineState::Kind::Crashed;
        state.problem = QStringLiteral("The engine ran out of memory.");
        m_controller->setEngineState(state);
        Banner *problem = nullptr, *demo = nullptr;
        for (Banner *banner : m_window->findChildren<Banner *>())
            (banner->button()->text() == QStringLiteral("Restart") ? problem : demo) = banner;
        QVERIFY(problem && problem->isVisible());
        QCOMPARE(problem->label()->text(), QStringLiteral("The engine ran out of memory."));
        problem->button()->click();
        QVERIFY(m_controller->calls.contains(QStringLiteral("restartEngine")));
        state.kind = chat::EngineState::Kind::Ready;
        state.demoModel = true;
        m_controller->setEngineState(state);
        QVERIFY(!problem->isVisible());
        QVERIFY(demo->isVisible());
        demo->button()->click();
        auto *dialog = part<FullModelDialog>();
        QVERIFY(dialog && dialog->isVisible());
        dialog->close();
        QVERIFY(!problem->closeButton()->isVisibleTo(problem));
        QVERIFY(!demo->closeButton()->accessibleName().isEmpty());
        demo->closeButton()->click(); // it has been read
        QVERIFY(!demo->isVisible());
        m_controller->setEngineState(state);
        QVERIFY(!demo->isVisible());
        QVERIFY(composer->edit()->hasFocus());
    }

    void modelsOfOtherPrograms() {
        action(QStringLiteral("Ctrl+Alt+M"))->trigger();
        auto *dialog = part<ModelsDialog>();
        QVERIFY(dialog && dialog->isVisible());
        QVERIFY(m_controller->calls.contains(QStringLiteral("findModels")));
        chat::FoundModel found;
        found.path = QStringLiteral("/m/a.gguf");
        found.name = QStringLiteral("a");
        m_controller->answerFindModels({found});
        QTest::keyClick(dialog->field(), Qt::Key_Return);
        QVERIFY(m_controller->calls.contains(QStringLiteral("openFoundModel /m/a.gguf")));
    }

    void emptyStateTasks() {
        auto *empty = part<EmptyState>();
        QVERIFY(empty->isVisible());
        QCOMPARE(empty->cards().size(), 4);
        empty->cards()[3]->click();
        QVERIFY(part<Composer>()->edit()->hasFocus());
        m_controller->send(QStringLiteral("x"));
        QVERIFY(!empty->isVisible());
        m_controller->finishTurn();
        action(QStringLiteral("Ctrl+N"))->trigger();
        QVERIFY(empty->isVisible());
    }

    void findBar() {
        m_controller->send(QStringLiteral("needle in a haystack, needle"));
        m_controller->finishTurn();
        part<TranscriptView>()->flush();
        action(QStringLiteral("Ctrl+F"))->trigger();
        auto *bar = part<FindBar>();
        QVERIFY(bar->isVisible());
        bar->field()->setText(QStringLiteral("needle"));
        QCOMPARE(part<TranscriptView>()->matchCount(), 4); // twice asked, twice answered
        QTest::keyClick(bar->field(), Qt::Key_Return);
        QTest::keyClick(bar->field(), Qt::Key_Escape);
        QVERIFY(!bar->isVisible());
        QCOMPARE(part<TranscriptView>()->matchCount(), 0);
    }

    // With the demo model a card brings its own sample; with a full model the user is asked for a file.
    void cardsBringTheirSamples() {
        using Sample = chat::ChatController::Sample;
        const QString picture = qEnvironmentVariable("FACET_RESOURCES") + QStringLiteral("/samples/scene.png");
        m_controller->setSample(Sample::Objects, picture);
        m_controller->setSample(Sample::Recording, QStringLiteral("/samples/recording.wav"));
        chat::EngineState demo = m_controller->engine();
        demo.demoModel = true;
        m_controller->setEngineState(demo);
        auto *composer = part<Composer>();
        part<EmptyState>()->cards()[1]->click();
        QCOMPARE(composer->text(), EmptyState::promptFor(EmptyState::Task::FindObjects, true));
        QCOMPARE(composer->chips().size(), 1);
        QVERIFY(m_controller->calls.contains(QStringLiteral("attach scene.png")));
        QVERIFY(!part<QFileDialog>());
        part<EmptyState>()->cards()[2]->click(); // what is attached stays
        QCOMPARE(composer->chips().size(), 1);
        composer->clear();
        part<EmptyState>()->cards()[3]->click();
        QVERIFY(composer->text().contains(QStringLiteral("weather"))); // shows a tool
        QVERIFY(composer->chips().isEmpty());

        demo.demoModel = false;
        m_controller->setEngineState(demo);
        composer->clear();
        part<EmptyState>()->cards()[1]->click();
        QCOMPARE(composer->text(), EmptyState::promptFor(EmptyState::Task::FindObjects));
        QVERIFY(composer->chips().isEmpty());
        auto *dialog = part<QFileDialog>();
        QVERIFY(dialog);
        dialog->close();
    }

    void droppedModelsAreOpened() {
        QTemporaryDir folder;
        m_window->attachFiles({QStringLiteral("/models/gemma-4.Q4_K_M.gguf")});
        QVERIFY(m_controller->calls.contains(QStringLiteral("openModel /models/gemma-4.Q4_K_M.gguf")));
        m_window->attachFiles({folder.path()});
        QVERIFY(m_controller->calls.contains(QStringLiteral("openModel ") + folder.path()));
        QVERIFY(part<Composer>()->chips().isEmpty());
    }

    void searchInMessages() {
        fill();
        chat::Message found;
        found.id = 77;
        found.text = QStringLiteral("the needle lies here, another needle there");
        m_controller->setMessages({found});
        auto *sidebar = part<Sidebar>();
        action(QStringLiteral("Ctrl+Shift+F"))->trigger();
        QVERIFY(sidebar->search()->hasFocus());
        sidebar->search()->setText(QStringLiteral("needle"));
        QTRY_VERIFY(m_controller->calls.contains(QStringLiteral("search needle")));
        QVERIFY(!sidebar->hits()->isVisible());
        chat::SearchHit hit;
        hit.conversation = m_controller->currentConversation();
        hit.message = 77;
        hit.title = QStringLiteral("Chat 1");
        hit.excerpt = found.text;
        hit.marks = {{4, 6}};
        m_controller->answerSearch(QStringLiteral("old words"), {hit, hit}); // of an older search
        QVERIFY(!sidebar->hits()->isVisible());
        m_controller->answerSearch(QStringLiteral("needle"), {hit});
        QVERIFY(sidebar->hits()->isVisible());
        QVERIFY(!sidebar->list()->isVisible()); // no chat is called so
        QVERIFY(sidebar->hits()->model()->index(0, 0).data(Qt::AccessibleTextRole).toString().contains(
            QStringLiteral("needle")));
        const QRect row = sidebar->hits()->visualRect(sidebar->hits()->model()->index(0, 0));
        QTest::mouseClick(sidebar->hits()->viewport(), Qt::LeftButton, {}, row.center());
        QVERIFY(m_controller->calls.contains(QStringLiteral("openMessage %1 77").arg(hit.conversation)));
        QVERIFY(part<FindBar>()->isVisible());
        QCOMPARE(part<FindBar>()->field()->text(), QStringLiteral("needle"));
        QCOMPARE(part<TranscriptView>()->matchCount(), 2);
        QCOMPARE(part<TranscriptView>()->currentMatch(), 0);
        sidebar->search()->clear();
        QVERIFY(!sidebar->hits()->isVisible());
        QVERIFY(sidebar->list()->isVisible());
    }

    void chatsAreExported() {
        QVERIFY(!action(QStringLiteral("Ctrl+S"))->isEnabled()); // nothing to save
        m_controller->send(QStringLiteral("a/b: c?"));
        m_controller->finishTurn();
        action(QStringLiteral("Ctrl+S"))->trigger();
        auto *dialog = part<QFileDialog>();
        QVERIFY(dialog);
        QCOMPARE(dialog->acceptMode(), QFileDialog::AcceptSave);
        emit dialog->fileSelected(QStringLiteral("/tmp/x.md"));
        dialog->close();
        QVERIFY(m_controller->calls.contains(QStringLiteral("export /tmp/x.md")));
        QVERIFY(part<Toast>()->isVisible());
    }

    void versionsReachTheController() {
        chat::Message question, answer;
        question.id = 1;
        answer.id = 3;
        answer.role = chat::Role::Assistant;
        answer.text = QStringLiteral("B");
        answer.versions = {2, 3};
        m_controller->setMessages({question, answer});
        auto *transcript = part<TranscriptView>();
        for (const SpotPlace &place : transcript->spotsOf(1)) {
            if (transcript->spotAt(place).action == SpotAction::OlderVersion) transcript->activate(place);
        }
        QVERIFY(m_controller->calls.contains(QStringLiteral("version 1 0")));
        answer.id = 2;
        answer.text = QStringLiteral("A");
        m_controller->showBranch(1, {answer});
        QCOMPARE(transcript->message(1)->message().text, QStringLiteral("A"));
    }

    void problemsBecomeToasts() {
        m_controller->emitProblem(QStringLiteral("The disk is full; nothing more is saved."));
        QVERIFY(part<Toast>()->isVisible());
        QCOMPARE(part<Toast>()->text(), QStringLiteral("The disk is full; nothing more is saved."));
    }

    // Each file that was not taken is named, with the reason; what looks like HTML is shown as it is.
    void refusedFilesAreNamed() {
        m_controller->failAttachments(QStringLiteral("This is <b>not</b> a picture."));
        m_window->attachFiles({QStringLiteral("/tmp/one.xyz"), QStringLiteral("/tmp/two.xyz")});
        QTRY_VERIFY(part<Toast>()->isVisible());
        QTRY_VERIFY(part<Toast>()->text().contains(QStringLiteral("two.xyz")));
        QVERIFY(part<Toast>()->text().contains(QStringLiteral("one.xyz")));
        QVERIFY(part<Toast>()->text().contains(QStringLiteral("This is <b>not</b> a picture.")));
        QCOMPARE(part<Toast>()->findChild<QLabel *>()->textFormat(), Qt::PlainText);
        m_controller->emitProblem(QStringLiteral("The disk is full."));
        QCOMPARE(part<Toast>()->text().count(QLatin1Char('\n')), 2);
    }

    // A tool may read the file that the user picks, and nothing if none is picked; the window goes on meanwhile.
    void aToolIsGivenTheFileThatIsPicked() {
        m_controller->askForFile(0, QStringLiteral("call_1"));
        QVERIFY(part<QFileDialog>() && part<QFileDialog>()->isVisible());
        part<QFileDialog>()->reject();
        QVERIFY(m_controller->calls.last().contains(QStringLiteral("call_1")));
        QVERIFY(!m_controller->calls.last().contains(QStringLiteral("shapes.png")));
        QTRY_VERIFY(!part<QFileDialog>());
        m_controller->askForFile(0, QStringLiteral("call_2"));
        auto *dialog = part<QFileDialog>();
        dialog->selectFile(QString::fromLocal8Bit(qgetenv("FACET_FIXTURES")) + QStringLiteral("/media/shapes.png"));
        QMetaObject::invokeMethod(dialog, "accept");
        QTRY_VERIFY(m_controller->calls.last().contains(QStringLiteral("call_2")));
        QVERIFY(m_controller->calls.last().contains(QStringLiteral("shapes.png")));
    }

    // This window has no microphone: the menu says so instead of doing nothing.
    void recordingWithoutAMicrophoneSaysWhy() {
        QVERIFY(!part<Composer>()->microphoneButton()->isEnabled());
        action(QStringLiteral("Ctrl+Shift+R"))->trigger();
        QVERIFY(part<Toast>()->isVisible());
        QCOMPARE(part<Toast>()->text(), part<Composer>()->microphoneButton()->toolTip());
    }

    // What the window remembers is written by a worker and is there when the window is closed.
    void nothingIsWrittenOnTheWindowsThread() {
        QTemporaryDir folder;
        const QString file = folder.filePath(QStringLiteral("w.ini"));
        QSettings settings(file, QSettings::IniFormat);
        m_window->useSettings(&settings);
        action(QStringLiteral("Ctrl++"))->trigger();
        m_window->close();
        QFile written(file);
        QVERIFY(written.open(QIODevice::ReadOnly));
        QVERIFY(written.readAll().contains("textScale=1.1"));
    }

    void copyLastAnswer() {
        m_controller->script({QStringLiteral("The *last* one")});
        m_controller->send(QStringLiteral("x"));
        m_controller->finishTurn();
        action(QStringLiteral("Ctrl+Shift+C"))->trigger();
        QCOMPARE(QApplication::clipboard()->text(), QStringLiteral("The *last* one"));
    }
};

QTEST_MAIN(MainWindowTest)
#include "main_window_test.moc"
