#include "ui/overlay/overlay.h"

#include "ui/theme/theme.h"

#include "facet/answer.h"

#include <QFontMetricsF>
#include <QHash>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QPaintDevice>
#include <QRegularExpression>

#include <algorithm>
#include <cmath>

namespace facet::ui {

namespace {

constexpr qsizetype kMaxAnswer = 256 << 10; // longer ones are prose, not boxes
constexpr int kMaxMarks = 2000;
constexpr qreal kPointRadius = 6;

QColor inkOn(const QColor &ground) {
    // Relative luminance (WCAG), so that the label text has the better of the two contrasts.
    const auto linear = [](float c) { return c <= 0.03928f ? c / 12.92f : std::pow((c + 0.055f) / 1.055f, 2.4f); };
    const float luminance =
        0.2126f * linear(ground.redF()) + 0.7152f * linear(ground.greenF()) + 0.0722f * linear(ground.blueF());
    return luminance > 0.3f ? QColor(0x10, 0x12, 0x18) : QColor(Qt::white);
}

// Place for a label: above the box, else inside its top, moved down past labels that are there already.
QRectF labelPlace(const QRectF &box, const QSizeF &size, const QRectF &picture, const QVector<QRectF> &taken) {
    QRectF place(box.left(), box.top() - size.height(), size.width(), size.height());
    if (place.top() < picture.top()) {
        place.moveTop(box.top());
    }
    place.moveLeft(std::clamp(place.left(), picture.left(), std::max(picture.left(), picture.right() - size.width())));
    for (int tries = 0; tries < 6; ++tries) {
        const auto hit =
            std::find_if(taken.begin(), taken.end(), [&](const QRectF &other) { return other.intersects(place); });
        if (hit == taken.end()) {
            break;
        }
        place.moveTop(hit->bottom() + 1);
    }
    if (place.bottom() > picture.bottom()) {
        place.moveBottom(picture.bottom());
    }
    return place;
}

void paintMark(QPainter *painter, const OverlayMark &mark, const QRectF &rect, bool strong, bool faded) {
    const QColor colour = Theme::labelColour(mark.colour);
    const qreal line = strong ? 3 : 2;
    painter->setOpacity(faded ? 0.55 : 1.0);
    if (mark.point) {
        const QPointF centre = rect.center();
        painter->setRenderHint(QPainter::Antialiasing, true);
        painter->setPen(QPen(Qt::white, 2));
        painter->setBrush(colour);
        painter->drawEllipse(centre, kPointRadius + (strong ? 1 : 0), kPointRadius + (strong ? 1 : 0));
        painter->setPen(QPen(QColor(0, 0, 0, 140), 1));
        painter->setBrush(Qt::NoBrush);
        painter->drawEllipse(centre, kPointRadius + 1.5, kPointRadius + 1.5);
    } else {
        painter->setRenderHint(QPainter::Antialiasing, false);
        QColor wash = colour;
        wash.setAlpha(strong ? 60 : 26);
        // Four filled strips instead of a pen: exact pixels at every scale. A light rim outside keeps the line visible
        // on a ground of its own colour.
        const auto frame = [&](const QRectF &r, qreal w, const QColor &c) {
            painter->fillRect(QRectF(r.left(), r.top(), r.width(), w), c);
            painter->fillRect(QRectF(r.left(), r.bottom() - w, r.width(), w), c);
            painter->fillRect(QRectF(r.left(), r.top() + w, w, r.height() - 2 * w), c);
            painter->fillRect(QRectF(r.right() - w, r.top() + w, w, r.height() - 2 * w), c);
        };
        painter->fillRect(rect, wash);
        frame(rect.adjusted(-1, -1, 1, 1), 1, QColor(255, 255, 255, 190));
        frame(rect, line, colour);
    }
    painter->setOpacity(1.0);
}

} // namespace

QVector<OverlayMark> marksIn(const QString &answer, const QSize &picture) {
    const bool mentions = answer.contains(QLatin1String("box")) || answer.contains(QLatin1String("point"));
    if (!mentions || picture.isEmpty() || answer.size() > kMaxAnswer) {
        return {};
    }
    QVector<OverlayMark> marks;
    QHash<QString, int> colours;
    const QByteArray utf8 = answer.toUtf8();
    for (const facet::Detection &found :
         facet::parseDetections({utf8.constData(), size_t(utf8.size())}, picture.width(), picture.height())) {
        if (marks.size() >= kMaxMarks) {
            break;
        }
        OverlayMark mark;
        mark.point = found.kind == facet::Detection::Kind::Point;
        mark.label = QString::fromUtf8(found.label.data(), qsizetype(found.label.size())).simplified().left(80);
        if (!colours.contains(mark.label)) {
            colours.insert(mark.label, int(colours.size()));
        }
        mark.colour = colours.value(mark.label);
        mark.grid = QRectF(QPointF(found.x1 / 1000, found.y1 / 1000), QPointF(found.x2 / 1000, found.y2 / 1000));
        mark.pixels = QRectF(QPointF(found.pixels[0], found.pixels[1]), QPointF(found.pixels[2], found.pixels[3]));
        marks.append(mark);
    }
    return marks;
}

int pictureMeant(const QString &answer, const QStringList &names) {
    const int count = int(names.size());
    if (count <= 1) {
        return count - 1;
    }
    for (int i = 0; i < count; ++i) {
        const bool unique = names.count(names[i]) == 1;
        if (unique && names[i].size() > 3 && answer.contains(names[i], Qt::CaseInsensitive)) {
            return i;
        }
    }
    static const QRegularExpression number(QStringLiteral("\\b(?:picture|image|photo|bild|imagen)\\s*#?(\\d{1,3})\\b"),
                                           QRegularExpression::CaseInsensitiveOption);
    const QRegularExpressionMatch match = number.match(answer.left(4096));
    const int named = match.hasMatch() ? match.capturedView(1).toInt() : 0;
    return named >= 1 && named <= count ? named - 1 : count - 1;
}

QString marksAsJson(const QVector<OverlayMark> &marks) {
    QJsonArray list;
    const auto grid = [](qreal share) { return int(std::lround(share * 1000)); };
    for (const OverlayMark &mark : marks) {
        QJsonObject entry;
        if (mark.point) {
            entry.insert(QStringLiteral("point"), QJsonArray{grid(mark.grid.top()), grid(mark.grid.left())});
        } else {
            entry.insert(QStringLiteral("box_2d"), QJsonArray{grid(mark.grid.top()), grid(mark.grid.left()),
                                                              grid(mark.grid.bottom()), grid(mark.grid.right())});
        }
        entry.insert(QStringLiteral("label"), mark.label);
        list.append(entry);
    }
    return QString::fromUtf8(QJsonDocument(list).toJson(QJsonDocument::Compact));
}

QRectF markRect(const OverlayMark &mark, const QRectF &picture, qreal devicePixelRatio) {
    const auto snap = [&](qreal v) { return std::round(v * devicePixelRatio) / devicePixelRatio; };
    const QPointF topLeft(snap(picture.left() + mark.grid.left() * picture.width()),
                          snap(picture.top() + mark.grid.top() * picture.height()));
    const QPointF bottomRight(snap(picture.left() + mark.grid.right() * picture.width()),
                              snap(picture.top() + mark.grid.bottom() * picture.height()));
    return {topLeft, bottomRight};
}

void paintMarks(QPainter *painter, const QRectF &picture, const QVector<OverlayMark> &marks, const QFont &font,
                int strong) {
    const qreal ratio = painter->device() ? painter->device()->devicePixelRatioF() : 1.0;
    painter->save();
    painter->setClipRect(picture.adjusted(-1, -1, 1, 1), Qt::IntersectClip);
    const QFontMetricsF metrics(font);
    QVector<int> order;
    for (int i = 0; i < marks.size(); ++i) {
        if (i != strong) order.append(i);
    }
    if (strong >= 0 && strong < marks.size()) order.append(strong);
    for (const int i : order) {
        paintMark(painter, marks[i], markRect(marks[i], picture, ratio), i == strong, strong >= 0 && i != strong);
    }
    QVector<QRectF> taken;
    painter->setFont(font);
    painter->setRenderHint(QPainter::Antialiasing, true);
    for (const int i : order) {
        if (marks[i].label.isEmpty() || (marks.size() > 60 && i != strong)) {
            continue; // a crowd is readable only through the list beside it
        }
        const QRectF rect = markRect(marks[i], picture, ratio);
        const QString label =
            metrics.elidedText(marks[i].label, Qt::ElideRight, std::max<qreal>(60, picture.width() * 0.5));
        const QSizeF size(metrics.horizontalAdvance(label) + 10, metrics.height() + 2);
        const QRectF anchor =
            marks[i].point ? rect.adjusted(kPointRadius + 4, -size.height() / 2 + size.height(), 0, 0) : rect;
        const QRectF place = labelPlace(anchor, size, picture, i == strong ? QVector<QRectF>() : taken);
        taken.append(place);
        const QColor colour = Theme::labelColour(marks[i].colour);
        painter->setPen(Qt::NoPen);
        painter->setBrush(colour);
        painter->setOpacity(strong >= 0 && i != strong ? 0.6 : 1.0);
        painter->drawRoundedRect(place, 3, 3);
        painter->setPen(inkOn(colour));
        painter->drawText(place, Qt::AlignCenter, label);
    }
    painter->restore();
}

int markAt(const QVector<OverlayMark> &marks, const QRectF &picture, const QPointF &position) {
    int best = -1;
    qreal bestArea = 0;
    for (int i = 0; i < marks.size(); ++i) {
        QRectF rect = markRect(marks[i], picture, 1.0);
        if (marks[i].point) {
            rect = QRectF(rect.center() - QPointF(8, 8), QSizeF(16, 16));
        }
        const qreal area = rect.width() * rect.height();
        if (rect.adjusted(-2, -2, 2, 2).contains(position) && (best < 0 || area < bestArea)) {
            best = i;
            bestArea = area;
        }
    }
    return best;
}

} // namespace facet::ui
