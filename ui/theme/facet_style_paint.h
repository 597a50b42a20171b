// Small painting helpers that the files of the style share.
#pragma once

#include <QPainter>
#include <QWidget>

namespace facet::ui {

inline constexpr qreal kButtonRadius = 8;

inline bool hasMark(const QWidget *widget, const char *property) {
    return widget && widget->property(property).toBool();
}

inline void panel(QPainter *painter, const QRect &rect, const QColor &fill, const QColor &line, qreal radius,
                  qreal width = 1) {
    painter->save();
    painter->setRenderHint(QPainter::Antialiasing);
    painter->setPen(line.alpha() > 0 ? QPen(line, width) : QPen(Qt::NoPen));
    painter->setBrush(fill.alpha() > 0 ? QBrush(fill) : QBrush(Qt::NoBrush));
    const qreal inset = line.alpha() > 0 ? width / 2 : 0;
    painter->drawRoundedRect(QRectF(rect).adjusted(inset, inset, -inset, -inset), radius, radius);
    painter->restore();
}

inline QColor mixed(const QColor &a, const QColor &b, qreal share) {
    return QColor::fromRgbF(
        float(a.redF() * (1 - share) + b.redF() * share), float(a.greenF() * (1 - share) + b.greenF() * share),
        float(a.blueF() * (1 - share) + b.blueF() * share), float(a.alphaF() * (1 - share) + b.alphaF() * share));
}

} // namespace facet::ui
