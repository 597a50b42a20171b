#include "ui/theme/icons.h"

#include "ui/theme/theme.h"

#include <QCoreApplication>
#include <QGuiApplication>
#include <QIconEngine>
#include <QPainter>
#include <QPixmapCache>
#include <QSvgRenderer>

namespace facet::ui {

namespace {

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
    QImage image(pixels, QImage::Format_ARGB32_Premultiplied);
    image.fill(Qt::transparent);
    QSvgRenderer renderer(QStringLiteral(":/facet/icons/%1.svg").arg(name));
    QPainter painter(&image);
    if (renderer.isValid()) {
        renderer.setAspectRatioMode(Qt::KeepAspectRatio);
        renderer.render(&painter, QRectF(QPointF(0, 0), QSizeF(pixels)));
    }
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

QIcon icon(const QString &name, Tint tint) { return QIcon(new TintedIconEngine(name, tint)); }

void paintIcon(QPainter *painter, const QString &name, const QRectF &rect, const QColor &colour) {
    const qreal scale = painter->device() ? painter->device()->devicePixelRatioF() : 1.0;
    QPixmap shown = tinted(name, (rect.size() * scale).toSize(), colour);
    shown.setDevicePixelRatio(scale);
    painter->drawPixmap(rect.topLeft(), shown);
}

} // namespace facet::ui
