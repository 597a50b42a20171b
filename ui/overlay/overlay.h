// Boxes and points of an answer, ready to be drawn over the picture they belong to.
#pragma once

#include <QFont>
#include <QPainter>
#include <QRectF>
#include <QSize>
#include <QString>
#include <QVector>

namespace facet::ui {

struct OverlayMark {
    bool point = false;
    QString label;
    int colour = 0; // index for Theme::labelColour: one per label, in order of appearance
    QRectF grid;    // shares of the picture's width and height, 0..1; a point has no extent
    QRectF pixels;  // the same in pixels of the picture
    bool operator==(const OverlayMark &) const = default;
};

// What the answer marks in a picture of this size; empty when it marks nothing. Works on half-written answers.
QVector<OverlayMark> marksIn(const QString &answer, const QSize &picture);
// Which of `count` pictures an answer speaks of: the last, unless it names another one ("picture 2", a file name).
int pictureMeant(const QString &answer, const QStringList &names);
// One JSON array in the model's own spelling (box_2d y first, grid 0..1000), for the clipboard.
QString marksAsJson(const QVector<OverlayMark> &marks);

// Where a mark lies when the picture fills `picture` (logical pixels), snapped to device pixels.
QRectF markRect(const OverlayMark &mark, const QRectF &picture, qreal devicePixelRatio);
// Draws all marks; `strong` (or -1) is drawn last and emphasised, the others step back.
void paintMarks(QPainter *painter, const QRectF &picture, const QVector<OverlayMark> &marks, const QFont &font,
                int strong = -1);
// Index of the smallest mark under a position, -1: none.
int markAt(const QVector<OverlayMark> &marks, const QRectF &picture, const QPointF &position);

} // namespace facet::ui
