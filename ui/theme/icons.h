// Facet's own icons: monochrome SVG in the resources, tinted with the palette at the moment of painting, so that a
// change of theme needs no new icons.
//
//     button->setIcon(icon(QStringLiteral("send"), Tint::OnAccent));
#pragma once

#include <QIcon>
#include <QPair>
#include <QRect>
#include <QString>
#include <QStringList>
#include <QVector>

class QPainter;
class QColor;

namespace facet::ui {

enum class Tint { Text, Muted, Accent, OnAccent, Danger };

// name: file name in :/facet/icons without ".svg".
QIcon icon(const QString &name, Tint tint = Tint::Text);
// Reads and draws these icons (name, edge in units of `scale` pixels) on another thread, so that the first paint finds them.
void renderIconsAhead(const QVector<QPair<QString, int>> &wanted, qreal scale);
// Those that were not ready when something was painted, as "name/WxH": what renderIconsAhead() should have been told.
QStringList iconsReadWhilePainting();
// For hand-painted places.
void paintIcon(QPainter *painter, const QString &name, const QRectF &rect, const QColor &colour);

} // namespace facet::ui
