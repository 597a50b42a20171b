#include "ui/theme/icons.h"

#include "ui/theme/theme.h"

#include <QCoreApplication>
#include <QGuiApplication>
#include <QHash>
#include <QIconEngine>
#include <QMutex>
#include <QPainter>
#include <QPixmapCache>
#include <QSvgRenderer>
#include <QThread>
#include <QThreadPool>

#include <memory>

namespace facet::ui {

namespace {

// The shapes as they come out of the SVG files, before they are tinted (QPixmapCache keeps those that are). Any thread may
// ask: reading and drawing a file takes some tenths of a millisecond, which adds up in the first frame.
class Shapes {
public:
    QImage shape(const QString &name, const QSize &pixels) {
        const QString key = QStringLiteral("%1/%2x%3").arg(name).arg(pixels.width()).arg(pixels.height());
        {
            const QMutexLocker lock(&m_mutex);
            if (const auto found = m_images.constFind(key); found != m_images.constEnd()) return *found;
        }
        QImage image(pixels, QImage::Format_ARGB32_Premultiplied);
        image.fill(Qt::transparent);
        QSvgRenderer renderer(QStringLiteral(":/facet/icons/%1.svg").arg(name));
        if (renderer.isValid()) {
            QPainter painter(&image);
            renderer.setAspectRatioMode(Qt::KeepAspectRatio);
            renderer.render(&painter, QRectF(QPointF(0, 0), QSizeF(pixels)));
        }
        const QMutexLocker lock(&m_mutex);
        if (m_images.size() >= kMaxShapes) m_images.clear();
        m_images.insert(key, image);
        const bool late = QCoreApplication::instance() && QThread::currentThread() == QCoreApplication::instance()->thread();
        if (late && m_late.size() < kMaxShapes) m_late << key;
        return image;
    }

    QStringList late() {
        const QMutexLocker lock(&m_mutex);
        return m_late;
    }

private:
    static constexpr qsizetype kMaxShapes = 512;
    QMutex m_mutex;
    QHash<QString, QImage> m_images;
    QStringList m_late; // read on the GUI thread
};

const std::shared_ptr<Shapes> &shapes() {
    static const auto all = std::make_shared<Shapes>(); // a cache: what it holds changes nothing but the time it takes
    return all;
}

QPixmap tinted(const QString &name, const QSize &pixels, const QColor &colour) {
    const QString key = QStringLiteral("facet/%1/%2x%3/%4")
                            .arg(name)
                            .arg(pixels.width())
                            .arg(pixels.height())
                            .arg(colour.rgba(), 0, 16);
    QPixmap pixmap;
    if (QPixmapCache::find(key, &pixmap)) {
        return pixmap;
    }
    QImage image = shapes()->shape(name, pixels);
    QPainter painter(&image);
    painter.setCompositionMode(QPainter::CompositionMode_SourceIn);
    painter.fillRect(image.rect(), colour);
    painter.end();
    pixmap = QPixmap::fromImage(image);
    QPixmapCache::insert(key, pixmap);
    return pixmap;
}

class TintedIconEngine : public QIconEngine {
public:
    TintedIconEngine(QString name, Tint tint) : m_name(std::move(name)), m_tint(tint) {}

    void paint(QPainter *painter, const QRect &rect, QIcon::Mode mode, QIcon::State) override {
        const qreal scale = painter->device() ? painter->device()->devicePixelRatioF() : 1.0;
        QPixmap shown = tinted(m_name, (QSizeF(rect.size()) * scale).toSize(), colour(mode));
        shown.setDevicePixelRatio(scale);
        painter->drawPixmap(rect.topLeft(), shown);
    }
    QPixmap pixmap(const QSize &size, QIcon::Mode mode, QIcon::State) override {
        return tinted(m_name, size, colour(mode));
    }
    QPixmap scaledPixmap(const QSize &size, QIcon::Mode mode, QIcon::State, qreal scale) override {
        QPixmap shown = tinted(m_name, size, colour(mode));
        shown.setDevicePixelRatio(scale);
        return shown;
    }
    QIconEngine *clone() const override { return new TintedIconEngine(*this); }
    bool isNull() override { return false; }

private:
    QColor colour(QIcon::Mode mode) const {
        const QPalette palette = QGuiApplication::palette();
        const Theme &theme = Theme::of(palette);
        if (mode == QIcon::Disabled) {
            return palette.color(QPalette::Disabled, QPalette::ButtonText);
        }
        switch (m_tint) {
        case Tint::Text: return theme.text;
        case Tint::Muted: return theme.muted;
        case Tint::Accent: return theme.accent;
        case Tint::OnAccent: return theme.onAccent;
        case Tint::Danger: return theme.danger;
        }
        return theme.text;
    }

    QString m_name;
    Tint m_tint;
};

} // namespace

void renderIconsAhead(const QVector<QPair<QString, int>> &wanted, qreal scale) {
    QThreadPool::globalInstance()->start([all = shapes(), wanted, scale] {
        for (const auto &[name, edge] : wanted) all->shape(name, (QSizeF(edge, edge) * scale).toSize());
    });
}

QStringList iconsReadWhilePainting() { return shapes()->late(); }

QIcon icon(const QString &name, Tint tint) { return QIcon(new TintedIconEngine(name, tint)); }

void paintIcon(QPainter *painter, const QString &name, const QRectF &rect, const QColor &colour) {
    const qreal scale = painter->device() ? painter->device()->devicePixelRatioF() : 1.0;
    QPixmap shown = tinted(name, (rect.size() * scale).toSize(), colour);
    shown.setDevicePixelRatio(scale);
    painter->drawPixmap(rect.topLeft(), shown);
}

} // namespace facet::ui
