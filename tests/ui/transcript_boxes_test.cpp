// Boxes of an answer over the picture of its question.
#include "transcript_scene.h"

#include <QApplication>
#include <QClipboard>
#include <QFile>
#include <QSignalSpy>
#include <QTemporaryDir>

using namespace facet;
using namespace facet::ui;
using tests::assistant;
using tests::user;

class TranscriptBoxesTest : public QObject {
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
        QSignalSpy opened(m_view, &TranscriptView::pictureOpened);
        m_view->activate(m_scene->spotNamed(1, SpotAction::OpenPicture));
        QCOMPARE(opened.size(), 1);
        m_view->activate(m_scene->spotNamed(1, SpotAction::CopyMarks));
        QVERIFY(QApplication::clipboard()->text().contains(QStringLiteral("square")));
        // The frame is really there: the place of the first box's left line has its colour.
        QTRY_VERIFY(
            !m_scene->pictures
                 ->picture(QString::fromLocal8Bit(qgetenv("FACET_FIXTURES")) + QStringLiteral("/media/shapes.png"), 700)
                 .isNull());
        m_view->scrollToMessage(1);
        const SpotPlace place = m_scene->spotNamed(1, SpotAction::OpenPicture);
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
                QTRY_VERIFY(!m_scene->pictures->problem(path).isEmpty());
            }
            const QRect rect = m_view->spotRect(m_scene->spotNamed(1, SpotAction::OpenPicture));
            const QRectF box = markRect(marked->marks()[0], QRectF(rect), m_view->devicePixelRatioF());
            const QImage shot = m_view->viewport()->grab().toImage();
            for (int y = int(box.top()) + 20; y < int(box.bottom()) - 20 && y < shot.height(); y += 7) {
                QVERIFY(shot.pixelColor(int(box.left()), y) != Theme::labelColour(marked->marks()[0].colour));
            }
            QVERIFY(marked->toolTipAt(marked->pictureRect().center()).isEmpty());
        }
    }
};

QTEST_MAIN(TranscriptBoxesTest)
#include "transcript_boxes_test.moc"
