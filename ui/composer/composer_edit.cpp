// The text field of the composer.
#include "ui/composer/composer.h"

#include "ui/theme/theme.h"

#include <QAbstractTextDocumentLayout>
#include <QBuffer>
#include <QCoreApplication>
#include <QImage>
#include <QKeyEvent>
#include <QMimeData>
#include <QPointer>
#include <QScrollBar>
#include <QTextBlock>
#include <QThreadPool>
#include <QUrl>

#include <algorithm>
#include <cmath>

namespace facet::ui {

namespace {
constexpr int kMaxLines = 10;
}

QStringList filesIn(const QMimeData *source) {
    QList<QUrl> urls = source->urls();
    if (urls.isEmpty() && source->hasFormat(QStringLiteral("x-special/gnome-copied-files"))) {
        // First line "copy" or "cut", then one URI a line.
        for (const QByteArray &line : source->data(QStringLiteral("x-special/gnome-copied-files")).split('\n').mid(1)) {
            urls << QUrl(QString::fromUtf8(line.trimmed()));
        }
    }
    QStringList files;
    for (const QUrl &url : std::as_const(urls)) {
        if (url.isLocalFile()) files << url.toLocalFile();
    }
    return files;
}

void encodePng(const QImage &image, QObject *receiver, std::function<void(const QByteArray &)> done) {
    if (image.isNull()) {
        return;
    }
    QThreadPool::globalInstance()->start([image, guard = QPointer<QObject>(receiver), done = std::move(done)] {
        QByteArray png;
        QBuffer buffer(&png);
        buffer.open(QIODevice::WriteOnly);
        image.save(&buffer, "PNG");
        QMetaObject::invokeMethod(
            qApp,
            [png, guard, done] {
                if (guard && !png.isEmpty()) done(png);
            },
            Qt::QueuedConnection);
    });
}

ComposerEdit::ComposerEdit(QWidget *parent) : QPlainTextEdit(parent) {
    setFrameShape(QFrame::NoFrame);
    setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setTabChangesFocus(true);
    setAccessibleName(tr("Message"));
    viewport()->setAutoFillBackground(false);
    document()->setDocumentMargin(2);
    QSizePolicy policy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    setSizePolicy(policy);
    connect(document()->documentLayout(), &QAbstractTextDocumentLayout::documentSizeChanged, this,
            &ComposerEdit::adjustHeight);
    adjustHeight();
}

QSize ComposerEdit::sizeHint() const {
    const qreal lineHeight = std::ceil(QFontMetricsF(font()).lineSpacing());
    const qreal lines =
        std::clamp<qreal>(document()->size().height(), 1, kMaxLines); // a plain document counts in lines
    return {200, int(lines * lineHeight + 2 * document()->documentMargin() + 4)};
}

QSize ComposerEdit::minimumSizeHint() const { return {80, int(QFontMetricsF(font()).lineSpacing()) + 8}; }

void ComposerEdit::adjustHeight() {
    const QSize wanted = sizeHint();
    setVerticalScrollBarPolicy(document()->size().height() > kMaxLines ? Qt::ScrollBarAsNeeded
                                                                       : Qt::ScrollBarAlwaysOff);
    if (height() != wanted.height() || minimumHeight() != wanted.height()) {
        setFixedHeight(wanted.height());
        updateGeometry();
    }
}

void ComposerEdit::changeEvent(QEvent *event) {
    QPlainTextEdit::changeEvent(event);
    if (event->type() == QEvent::FontChange) adjustHeight();
}

void ComposerEdit::keyPressEvent(QKeyEvent *event) {
    const bool enter = event->key() == Qt::Key_Return || event->key() == Qt::Key_Enter;
    if (enter) {
        const bool shift = event->modifiers() & Qt::ShiftModifier, control = event->modifiers() & Qt::ControlModifier;
        if (m_enterSends ? !shift : control) {
            emit sendPressed();
            return;
        }
        textCursor().insertBlock();
        ensureCursorVisible();
        return;
    }
    if (event->key() == Qt::Key_Up && event->modifiers() == Qt::NoModifier && document()->isEmpty()) {
        emit editLastPressed();
        return;
    }
    if (event->key() == Qt::Key_Escape) {
        emit escapePressed();
        return;
    }
    QPlainTextEdit::keyPressEvent(event);
}

bool ComposerEdit::canInsertFromMimeData(const QMimeData *source) const {
    return source->hasImage() || !filesIn(source).isEmpty() || QPlainTextEdit::canInsertFromMimeData(source);
}

void ComposerEdit::insertFromMimeData(const QMimeData *source) {
    if (const QStringList files = filesIn(source); !files.isEmpty()) {
        emit filesPasted(files);
        return;
    }
    // Office programs offer a picture of copied text as well: text wins where there is any.
    if (source->hasImage() && !source->hasText()) {
        if (const QByteArray png = source->data(QStringLiteral("image/png")); !png.isEmpty()) {
            emit picturePasted(png);
        } else {
            encodePng(qvariant_cast<QImage>(source->imageData()), this,
                      [this](const QByteArray &encoded) { emit picturePasted(encoded); });
        }
        return;
    }
    QPlainTextEdit::insertFromMimeData(source);
}

} // namespace facet::ui
