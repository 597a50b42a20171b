// Boxes and points: from the answer's text to exact pixels.
#include "ui/overlay/overlay.h"
#include "ui/overlay/picture_cache.h"
#include "ui/overlay/picture_view.h"
#include "ui/theme/theme.h"

#include <QClipboard>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QListWidget>
#include <QPushButton>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

using namespace facet::ui;

namespace {

QString fixture(const char *name) {
    return QString::fromLocal8Bit(qgetenv("FACET_FIXTURES")) + QStringLiteral("/media/") + QLatin1String(name);
}

const QString kAnswer = QStringLiteral("Here:\n```json\n[{\"box_2d\": [100, 200, 300, 600], \"label\": \"cat\"}, "
                                       "{\"box_2d\": [500, 500, 900, 1000], \"label\": \"dog\"},"
                                       " {\"point\": [250, 750], \"label\": \"cat\"}]\n```");

} // namespace

class OverlayTest : public QObject {
    Q_OBJECT
private slots:
    void initTestCase() { applyTheme(Scheme::Light); }

    void marks() {
        const auto marks = marksIn(kAnswer, QSize(800, 400));
        QCOMPARE(marks.size(), 3);
        QCOMPARE(marks[0].pixels, QRectF(QPointF(160, 40), QPointF(480, 120)));
        QCOMPARE(marks[0].grid, QRectF(QPointF(0.2, 0.1), QPointF(0.6, 0.3)));
        QVERIFY(marks[2].point);
        QCOMPARE(marks[2].pixels.topLeft(), QPointF(600, 100));
        QVERIFY(marks[0].colour != marks[1].colour);
        QCOMPARE(marks[0].colour, marks[2].colour); // one colour a label
    }

    // Marks appear one by one while the answer is written, and none is taken back.
    void marksWhileStreaming() {
        qsizetype before = 0;
        for (qsizetype n = 0; n <= kAnswer.size(); ++n) {
            const auto marks = marksIn(kAnswer.left(n), QSize(800, 400));
            QVERIFY(marks.size() >= before);
            before = marks.size();
        }
        QCOMPARE(before, 3);
    }

    void proseHasNoMarks() {
        QVERIFY(marksIn(QStringLiteral("The list [1, 2, 3, 4] is short."), QSize(100, 100)).isEmpty());
        QVERIFY(marksIn(QStringLiteral("point"), QSize(100, 100)).isEmpty());
        QVERIFY(marksIn(kAnswer, QSize()).isEmpty());
        QVERIFY(marksIn(QString(300 << 10, QLatin1Char('x')) + kAnswer, QSize(10, 10)).isEmpty());
    }

    void whichPicture() {
        const QStringList names = {QStringLiteral("a.png"), QStringLiteral("street.jpg"), QStringLiteral("c.png")};
        QCOMPARE(pictureMeant(QStringLiteral("boxes"), names), 2);
        QCOMPARE(pictureMeant(QStringLiteral("In picture 1 I see"), names), 0);
        QCOMPARE(pictureMeant(QStringLiteral("In Image #2: ..."), names), 1);
        QCOMPARE(pictureMeant(QStringLiteral("In street.jpg there is"), names), 1);
        QCOMPARE(pictureMeant(QStringLiteral("In picture 9"), names), 2);
        QCOMPARE(pictureMeant(kAnswer, {}), -1);
    }

    void json() {
        const auto marks = marksIn(kAnswer, QSize(801, 399));
        const QJsonArray list = QJsonDocument::fromJson(marksAsJson(marks).toUtf8()).array();
        QCOMPARE(list.size(), 3);
        const QJsonArray expected{100, 200, 300, 600};
        QCOMPARE(list[0].toObject().value(QStringLiteral("box_2d")).toArray(), expected);
        QCOMPARE(list[1].toObject().value(QStringLiteral("label")).toString(), QStringLiteral("dog"));
        QVERIFY(marksIn(marksAsJson(marks), QSize(801, 399)) == marks);
    }

    // The frame lies on whole device pixels, at the place that the grid says, at 1x, 2x and when stretched.
    void pixels_data() {
        QTest::addColumn<qreal>("ratio");
        QTest::addColumn<QSize>("size");
        QTest::newRow("1x") << 1.0 << QSize(400, 200);
        QTest::newRow("2x") << 2.0 << QSize(400, 200);
        QTest::newRow("1.5x") << 1.5 << QSize(400, 200);
        QTest::newRow("stretched") << 1.0 << QSize(300, 300);
    }
    void pixels() {
        QFETCH(qreal, ratio);
        QFETCH(QSize, size);
        QImage image((QSizeF(size) * ratio).toSize(), QImage::Format_ARGB32_Premultiplied);
        image.setDevicePixelRatio(ratio);
        image.fill(Qt::black);
        auto marks = marksIn(QStringLiteral("[{\"box_2d\": [250, 250, 750, 750], \"label\": \"\"}]"), QSize(640, 480));
        QCOMPARE(marks.size(), 1);
        {
            QPainter painter(&image);
            paintMarks(&painter, QRectF(QPointF(0, 0), QSizeF(size)), marks, QFont());
        }
        const QColor line = Theme::labelColour(0);
        const int left = qRound(size.width() * 0.25 * ratio), right = qRound(size.width() * 0.75 * ratio),
                  middle = image.height() / 2;
        QCOMPARE(image.pixelColor(left, middle), line);
        QCOMPARE(image.pixelColor(left + int(2 * ratio) - 1, middle), line);
        QCOMPARE(image.pixelColor(right - 1, middle), line);
        QCOMPARE(image.pixelColor(image.width() / 2, qRound(size.height() * 0.25 * ratio)), line);
        QCOMPARE(image.pixelColor(image.width() / 2, qRound(size.height() * 0.75 * ratio) - 1), line);
        QVERIFY(image.pixelColor(left - int(1 * ratio) - 2, middle) == QColor(Qt::black)); // nothing outside of the rim
        QVERIFY(image.pixelColor(left + int(2 * ratio) + 2, middle) != line);              // inside only a wash
    }

    void labelsStayInsideThePicture() {
        QImage image(200, 100, QImage::Format_ARGB32_Premultiplied);
        image.fill(Qt::white);
        const auto marks =
            marksIn(QStringLiteral("[{\"box_2d\": [0, 900, 1000, 1000], \"label\": \"a long label at the edge\"}]"),
                    QSize(200, 100));
        QPainter painter(&image);
        paintMarks(&painter, QRectF(20, 20, 160, 60), marks, QFont());
        painter.end();
        for (int x = 0; x < 200; ++x) {
            QCOMPARE(image.pixelColor(x, 10), QColor(Qt::white));
            QCOMPARE(image.pixelColor(x, 90), QColor(Qt::white));
        }
    }

    void hitTest() {
        const auto marks = marksIn(QStringLiteral("[{\"box_2d\": [0, 0, 1000, 1000], \"label\": \"all\"}, {\"box_2d\": "
                                                  "[400, 400, 600, 600], \"label\": \"small\"}]"),
                                   QSize(100, 100));
        QCOMPARE(markAt(marks, QRectF(0, 0, 100, 100), QPointF(50, 50)), 1); // the smaller one wins
        QCOMPARE(markAt(marks, QRectF(0, 0, 100, 100), QPointF(10, 10)), 0);
        QCOMPARE(markAt(marks, QRectF(0, 0, 100, 100), QPointF(150, 10)), -1);
    }

    void coloursOfNeighbours() {
        for (int i = 0; i < 10; ++i) {
            for (int j = i + 1; j < 10; ++j) QVERIFY(Theme::labelColour(i) != Theme::labelColour(j));
        }
        QVERIFY(Theme::labelColour(-5).isValid());
    }

    void exifOrientation() {
        const DecodedPicture turned = decodePicture(fixture("exif_rotated.jpg"), 4096);
        QVERIFY2(turned.problem.isEmpty(), qPrintable(turned.problem));
        QCOMPARE(turned.image.size(), turned.fullSize);
        const DecodedPicture small = decodePicture(fixture("exif_rotated.jpg"), 64);
        QVERIFY(std::max(small.image.width(), small.image.height()) <= 64);
        QCOMPARE(small.fullSize, turned.fullSize);
        QCOMPARE(small.image.width() > small.image.height(), turned.image.width() > turned.image.height());
    }

    void unreadablePictures() {
        QTemporaryDir folder;
        QFile broken(folder.filePath(QStringLiteral("broken.png")));
        QVERIFY(broken.open(QIODevice::WriteOnly));
        broken.write("\x89PNG\r\n\x1a\nnothing");
        broken.close();
        QVERIFY(!decodePicture(broken.fileName(), 100).problem.isEmpty());
        QVERIFY(!decodePicture(folder.filePath(QStringLiteral("none.png")), 100).problem.isEmpty());
        // A header that promises more pixels than anyone has memory for: refused before any allocation.
        QFile bomb(folder.filePath(QStringLiteral("bomb.bmp")));
        QVERIFY(bomb.open(QIODevice::WriteOnly));
        QByteArray header = QByteArray::fromHex("424d3600000000000000360000002800000060ea000060ea0000010018000000000000"
                                                "000000130b0000130b00000000000000000000");
        bomb.write(header);
        bomb.close();
        const DecodedPicture refused = decodePicture(bomb.fileName(), 100);
        QVERIFY(refused.image.isNull());
        QVERIFY(!refused.problem.isEmpty());
    }

    void cacheLoadsOnce() {
        PictureCache cache;
        QSignalSpy loaded(&cache, &PictureCache::loaded);
        QVERIFY(cache.picture(fixture("shapes.png"), 100).isNull());
        QVERIFY(cache.picture(fixture("shapes.png"), 100).isNull());
        QVERIFY(loaded.wait(5000));
        QVERIFY(!cache.picture(fixture("shapes.png"), 100).isNull());
        QCOMPARE(loaded.size(), 1);
        QVERIFY(cache.picture(QString(), 100).isNull());
    }

    void dialogLinksListAndPicture() {
        PictureCache cache;
        PictureDialog dialog(&cache, fixture("shapes.png"), QStringLiteral("shapes.png"), QSize(640, 480),
                             marksIn(kAnswer, QSize(640, 480)));
        dialog.show();
        QVERIFY(QTest::qWaitForWindowExposed(&dialog));
        QCOMPARE(dialog.list()->count(), 3);
        dialog.list()->setCurrentRow(1);
        QCOMPARE(dialog.view()->highlighted(), 1);
        const QPoint middle = dialog.view()->mapFromScene(QPointF(0.75 * 640, 0.7 * 480)); // inside the second box
        QTest::mouseClick(dialog.view()->viewport(), Qt::LeftButton, {}, middle);
        QCOMPARE(dialog.list()->currentRow(), 1);
        const double before = dialog.view()->zoom();
        QTest::keyClick(dialog.view(), Qt::Key_Plus);
        QVERIFY(dialog.view()->zoom() > before);
        QTest::keyClick(dialog.view(), Qt::Key_0);
        QVERIFY(qAbs(dialog.view()->zoom() - before) < 1e-6);
        for (auto *button : dialog.findChildren<QPushButton *>()) {
            if (button->text().contains(QStringLiteral("JSON"))) button->click();
        }
        QVERIFY(QGuiApplication::clipboard()->text().contains(QStringLiteral("box_2d")));
    }
};

QTEST_MAIN(OverlayTest)
#include "overlay_test.moc"
