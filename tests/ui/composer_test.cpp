// The composer: keys, paste, drop, chips, microphone, the button that sends or stops.
#include "ui/composer/attachment_chip.h"
#include "ui/composer/composer.h"
#include "ui/composer/recorder_port.h"
#include "ui/overlay/picture_cache.h"
#include "ui/theme/theme.h"

#include <QApplication>
#include <QClipboard>
#include <QDragEnterEvent>
#include <QMenu>
#include <QMimeData>
#include <QSignalSpy>
#include <QTest>
#include <QToolButton>

using namespace facet;
using namespace facet::ui;

namespace {

class FakeRecorder : public RecorderPort {
public:
    QString reason;
    bool recording = false;
    QString unavailableReason() const override { return reason; }
    bool isRecording() const override { return recording; }
    void start() override { recording = true; }
    void stop() override {
        recording = false;
        emit finished(QStringLiteral("/tmp/recording.wav"));
    }
    void cancel() override { recording = false; }
};

} // namespace

class ComposerTest : public QObject {
    Q_OBJECT
private:
    std::unique_ptr<PictureCache> m_pictures;
    std::unique_ptr<FakeRecorder> m_recorder;
    std::unique_ptr<Composer> m_composer;

    void paste(QMimeData *data) {
        QApplication::clipboard()->setMimeData(data);
        m_composer->edit()->paste();
    }

private slots:
    void initTestCase() { applyTheme(Scheme::Light); }
    void init() {
        m_pictures = std::make_unique<PictureCache>();
        m_recorder = std::make_unique<FakeRecorder>();
        m_composer = std::make_unique<Composer>(m_pictures.get(), m_recorder.get());
        m_composer->resize(700, 120);
        m_composer->show();
        chat::EngineState engine;
        engine.kind = chat::EngineState::Kind::Ready;
        engine.modelName = QStringLiteral("test");
        engine.hasVision = engine.hasAudio = true;
        engine.budgets = {70, 140, 280, 560, 1120};
        m_composer->setEngine(engine);
        m_composer->setState(false, true, {});
        m_composer->edit()->setFocus();
    }
    void cleanup() {
        m_composer.reset();
        m_recorder.reset();
        m_pictures.reset();
    }

    void enterSendsShiftEnterDoesNot() {
        QSignalSpy sent(m_composer.get(), &Composer::sendRequested);
        QTest::keyClicks(m_composer->edit(), QStringLiteral("one"));
        QTest::keyClick(m_composer->edit(), Qt::Key_Return, Qt::ShiftModifier);
        QTest::keyClicks(m_composer->edit(), QStringLiteral("two"));
        QCOMPARE(sent.size(), 0);
        QTest::keyClick(m_composer->edit(), Qt::Key_Return);
        QCOMPARE(sent.size(), 1);
        QCOMPARE(sent[0][0].toString(), QStringLiteral("one\ntwo"));
        m_composer->setEnterSends(false);
        QTest::keyClick(m_composer->edit(), Qt::Key_Return);
        QCOMPARE(sent.size(), 1);
        QTest::keyClick(m_composer->edit(), Qt::Key_Return, Qt::ControlModifier);
        QCOMPARE(sent.size(), 2);
    }

    void nothingToSend() {
        QSignalSpy sent(m_composer.get(), &Composer::sendRequested);
        QVERIFY(!m_composer->sendButton()->isEnabled());
        QVERIFY(!m_composer->sendButton()->toolTip().isEmpty());
        QTest::keyClicks(m_composer->edit(), QStringLiteral("   "));
        QTest::keyClick(m_composer->edit(), Qt::Key_Return);
        QCOMPARE(sent.size(), 0);
    }

    void sendTurnsIntoStop() {
        QSignalSpy stopped(m_composer.get(), &Composer::stopRequested),
            sent(m_composer.get(), &Composer::sendRequested);
        QTest::keyClicks(m_composer->edit(), QStringLiteral("words for later"));
        m_composer->setState(true, false, {});
        QCOMPARE(m_composer->sendButton()->accessibleName(), QStringLiteral("Stop"));
        QTest::keyClick(m_composer->edit(), Qt::Key_Return);
        QCOMPARE(sent.size(), 0);
        QCOMPARE(stopped.size(), 0); // Enter must not stop an answer by accident
        m_composer->sendButton()->click();
        QCOMPARE(stopped.size(), 1);
        QTest::keyClick(m_composer->edit(), Qt::Key_Escape);
        QCOMPARE(stopped.size(), 2);
        QCOMPARE(m_composer->text(), QStringLiteral("words for later"));
    }

    void disabledSaysWhy() {
        QTest::keyClicks(m_composer->edit(), QStringLiteral("x"));
        m_composer->setState(false, false, QStringLiteral("The model is still loading."));
        QVERIFY(!m_composer->sendButton()->isEnabled());
        QCOMPARE(m_composer->sendButton()->toolTip(), QStringLiteral("The model is still loading."));
        QCOMPARE(m_composer->sendButton()->accessibleDescription(), QStringLiteral("The model is still loading."));
    }

    void upEditsTheLastOnlyWhenEmpty() {
        QSignalSpy edit(m_composer.get(), &Composer::editLastRequested);
        QTest::keyClick(m_composer->edit(), Qt::Key_Up);
        QCOMPARE(edit.size(), 1);
        QTest::keyClicks(m_composer->edit(), QStringLiteral("x"));
        QTest::keyClick(m_composer->edit(), Qt::Key_Up);
        QCOMPARE(edit.size(), 1);
    }

    void editingKeepsTheDraft() {
        QSignalSpy resent(m_composer.get(), &Composer::resendRequested),
            sent(m_composer.get(), &Composer::sendRequested);
        m_composer->setText(QStringLiteral("my draft"));
        m_composer->beginEdit(4, QStringLiteral("old words"), 0);
        QCOMPARE(m_composer->text(), QStringLiteral("old words"));
        QTest::keyClicks(m_composer->edit(), QStringLiteral("!"));
        QTest::keyClick(m_composer->edit(), Qt::Key_Return);
        QCOMPARE(resent.size(), 1);
        QCOMPARE(resent[0][0].toInt(), 4);
        QCOMPARE(resent[0][1].toString(), QStringLiteral("old words!"));
        QCOMPARE(sent.size(), 0);
        QCOMPARE(m_composer->text(), QStringLiteral("my draft"));
        m_composer->beginEdit(4, QStringLiteral("again"), 1);
        QTest::keyClick(m_composer->edit(), Qt::Key_Escape);
        QCOMPARE(m_composer->text(), QStringLiteral("my draft"));
        QCOMPARE(m_composer->editedMessage(), -1);
    }

    void pasteTextStaysText() {
        auto *data = new QMimeData;
        data->setText(QString(20000, QLatin1Char('t')));
        paste(data);
        QCOMPARE(m_composer->text().size(), 20000);
        QVERIFY(m_composer->chips().isEmpty());
    }

    void pasteFilesAndPictures() {
        QSignalSpy files(m_composer.get(), &Composer::filesDropped),
            pictures(m_composer.get(), &Composer::pictureDropped);
        auto *uris = new QMimeData;
        uris->setUrls(
            {QUrl::fromLocalFile(QStringLiteral("/tmp/a b.png")), QUrl(QStringLiteral("https://example.org/x.png"))});
        paste(uris);
        QCOMPARE(files.size(), 1);
        QCOMPARE(files[0][0].toStringList(),
                 QStringList{QStringLiteral("/tmp/a b.png")}); // nothing is fetched from the web
        auto *gnome = new QMimeData;
        gnome->setData(QStringLiteral("x-special/gnome-copied-files"), "copy\nfile:///tmp/c.png\nfile:///tmp/d.wav");
        paste(gnome);
        QTRY_COMPARE(files.size(), 2);
        QCOMPARE(files[1][0].toStringList().size(), 2);
        QImage image(10, 10, QImage::Format_RGB32);
        image.fill(Qt::red);
        auto *raw = new QMimeData;
        raw->setImageData(image);
        paste(raw);
        QTRY_COMPARE(pictures.size(), 1);
        QCOMPARE(QImage::fromData(pictures[0][0].toByteArray()).size(), QSize(10, 10));
        QVERIFY(m_composer->text().isEmpty());
    }

    void drop() {
        QSignalSpy files(m_composer.get(), &Composer::filesDropped);
        QMimeData data;
        data.setUrls({QUrl::fromLocalFile(QStringLiteral("/tmp/a.png"))});
        QDragEnterEvent enter(QPoint(10, 10), Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
        QApplication::sendEvent(m_composer.get(), &enter);
        QVERIFY(enter.isAccepted());
        QDropEvent event(QPointF(10, 10), Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
        QApplication::sendEvent(m_composer.get(), &event);
        QCOMPARE(files.size(), 1);
    }

    void chips() {
        QSignalSpy removed(m_composer.get(), &Composer::chipRemoved), budget(m_composer.get(), &Composer::budgetChosen);
        m_composer->addChip(7, QStringLiteral("photo.png"));
        m_composer->addChip(8, QStringLiteral("voice.wav"));
        QCOMPARE(m_composer->chips().size(), 2);
        QTest::keyClicks(m_composer->edit(), QStringLiteral("what?"));
        QVERIFY2(!m_composer->sendButton()->isEnabled(), "a file is still being read");
        chat::Attachment picture;
        picture.name = QStringLiteral("photo.png");
        picture.width = 800;
        picture.height = 600;
        picture.bytes = 123456;
        picture.tokens = 266;
        m_composer->chipReady(7, picture, {});
        chat::Attachment sound;
        sound.name = QStringLiteral("voice.wav");
        sound.kind = chat::AttachmentKind::Sound;
        sound.seconds = 12.4;
        sound.tokens = 310;
        m_composer->chipReady(8, sound, {});
        QVERIFY(m_composer->sendButton()->isEnabled());
        AttachmentChip *first = m_composer->chips()[0];
        QVERIFY(first->details().contains(QStringLiteral("800 × 600")));
        QVERIFY(first->details().contains(QStringLiteral("266 tokens")));
        QVERIFY(first->accessibleName().contains(QStringLiteral("photo.png")));
        QVERIFY(m_composer->chips()[1]->details().contains(QStringLiteral("0:12")));
        QVERIFY(m_composer->chips()[1]->budgetButton()->isHidden()); // sound has no detail to choose
        const auto actions = first->budgetButton()->menu()->actions();
        QCOMPARE(actions.size(), 5);
        QVERIFY(actions[4]->text().contains(QStringLiteral("1120")));
        QVERIFY(actions[2]->isChecked());
        actions[4]->trigger();
        QCOMPARE(budget.size(), 1);
        QCOMPARE(budget[0][1].toInt(), 1120);
        first->removeButton()->click();
        QCOMPARE(removed[0][0].toInt(), 7);
        QCOMPARE(m_composer->chips().size(), 1);
    }

    // A name shows itself: it is not read as HTML, which could name another picture to be opened.
    void namesAreNoHtml() {
        const QString name = QStringLiteral("<img src='/etc/x.png'> & <b>a</b>.png");
        m_composer->addChip(7, name);
        chat::Attachment picture;
        picture.name = name;
        m_composer->chipReady(7, picture, {});
        const QString tip = m_composer->chips()[0]->toolTip();
        QVERIFY2(tip.contains(QStringLiteral("&lt;img")) && !tip.contains(QStringLiteral("<img")), qPrintable(tip));
    }

    void failedFile() {
        QSignalSpy problem(m_composer.get(), &Composer::problem);
        m_composer->addChip(1, QStringLiteral("broken.png"));
        m_composer->chipFailed(1, QStringLiteral("broken.png is no picture."));
        QVERIFY(m_composer->chips().isEmpty());
        QCOMPARE(problem.size(), 1);
    }

    void microphone() {
        QSignalSpy finished(m_composer.get(), &Composer::recordingFinished);
        QVERIFY(m_composer->microphoneButton()->isEnabled());
        m_composer->microphoneButton()->click();
        QVERIFY(m_recorder->recording);
        QCOMPARE(m_composer->microphoneButton()->accessibleName(), QStringLiteral("Stop recording"));
        m_composer->microphoneButton()->click();
        QCOMPARE(finished.size(), 1);
        m_recorder->reason = QStringLiteral("No microphone is connected.");
        emit m_recorder->availabilityChanged();
        QVERIFY(!m_composer->microphoneButton()->isEnabled());
        QCOMPARE(m_composer->microphoneButton()->toolTip(), QStringLiteral("No microphone is connected."));
        Composer without(m_pictures.get(), nullptr);
        QVERIFY(!without.microphoneButton()->isEnabled());
        QVERIFY(!without.microphoneButton()->toolTip().isEmpty());
    }

    void growsWithItsText() {
        const int one = m_composer->edit()->height();
        m_composer->setText(QStringLiteral("a\nb\nc\nd"));
        QVERIFY(m_composer->edit()->height() > 2 * one);
        m_composer->setText(QStringLiteral("a\n").repeated(100));
        const int most = m_composer->edit()->height();
        QVERIFY(most < 14 * one);
        m_composer->clear();
        QCOMPARE(m_composer->edit()->height(), one);
    }
};

QTEST_MAIN(ComposerTest)
#include "composer_test.moc"
