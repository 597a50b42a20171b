// Facet's own icons: monochrome SVG in the resources, tinted with the palette at the moment of painting, so that a
// change of theme needs no new icons.
//
//     button->setIcon(icon(QStringLiteral("send"), Tint::OnAccent));
#pragma once

#include <QIcon>
#include <QRect>
#include <QString>

class QPainter;
class QColor;

namespace facet::ui {

enum class Tint { Text, Muted, Accent, OnAccent, Danger };

// name: file name in :/facet/icons without ".svg".
QIcon icon(const QString &name, Tint tint = Tint::Text);
// For hand-painted places.
void paintIcon(QPainter *painter, const QString &name, const QRectF &rect, const QColor &colour);

} // namespace facet::ui
