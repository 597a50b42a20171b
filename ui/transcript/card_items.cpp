#include "ui/transcript/card_items.h"

#include "ui/overlay/picture_cache.h"
#include "ui/theme/icons.h"
#include "ui/transcript/words.h"

#include <QDateTime>
#include <QFontMetrics>
#include <QPainterPath>

#include <algorithm>
#include <cmath>

namespace facet::ui {

namespace {

void card(QPainter &painter, const QRectF &rect, const QColor &fill, const QColor &line,
          qreal radius = space::kRadius) {
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(line.alpha() > 0 ? QPen(line, 1) : QPen(Qt::NoPen));
    painter.setBrush(fill);
    painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), radius, radius);
}

int layOutPlain(QTextLayout &layout, const QString &text, const QFont &font, int width) {
    QString shown = text;
    shown.replace(QLatin1Char('\n'), QChar::LineSeparator);
    layout.setText(shown);
    layout.setFont(font);
    QTextOption option;
    option.setWrapMode(QTextOption::WrapAtWordBoundaryOrAnywhere);
    layout.setTextOption(option);
    qreal y = 0;
    layout.beginLayout();
    for (QTextLine line = layout.createLine(); line.isValid(); line = layout.createLine()) {
        line.setLineWidth(std::max(20, width));
        line.setPosition({0, y});
        y += std::ceil(line.height() * 1.25);
    }
    layout.endLayout();
    return int(y);
}

// Draws a decoded picture or a quiet tile with the reason why there is none. False: there is none (yet).
bool drawPicture(QPainter &painter, const QRect &place, const QString &path, const QString &name, const Look &look,
                 qreal radius) {
    const int edge = int(std::max(place.width(), place.height()) * look.devicePixelRatio);
    const QImage image = look.pictures ? look.pictures->picture(path, edge) : QImage();
    painter.save();
    painter.setRenderHints(QPainter::Antialiasing | QPainter::SmoothPixmapTransform);
    QPainterPath clip;
    clip.addRoundedRect(QRectF(place), radius, radius);
    if (image.isNull()) {
        painter.fillPath(clip, look.theme->sunken);
        QString problem = look.pictures ? look.pictures->problem(path) : QString();
        if (path.isEmpty()) problem = Transcript::tr("%1 is no longer there.").arg(name);
        painter.setPen(look.theme->muted);
        painter.setFont(look.font(TextFonts::Caption));
        painter.drawText(place.adjusted(8, 8, -8, -8), Qt::AlignCenter | Qt::TextWordWrap,
                         problem.isEmpty() ? name : problem);
    } else {
        painter.setClipPath(clip, Qt::IntersectClip);
        // Whatever lies outside the place of a tile is cut evenly on both sides.
        const QSizeF scaled = QSizeF(image.size()).scaled(QSizeF(place.size()), Qt::KeepAspectRatioByExpanding);
        QRectF target(QPointF(0, 0), scaled);
        target.moveCenter(QRectF(place).center());
        painter.drawImage(target, image);
        painter.setClipping(false);
    }
    painter.setPen(QPen(look.theme->border, 1));
    painter.setBrush(Qt::NoBrush);
    painter.drawRoundedRect(QRectF(place).adjusted(0.5, 0.5, -0.5, -0.5), radius, radius);
    painter.restore();
    return !image.isNull();
}

} // namespace

AttachmentsItem::AttachmentsItem(QVector<chat::Attachment> attachments, QStringList paths)
    : m_attachments(std::move(attachments)), m_paths(std::move(paths)) {
    m_gapBefore = 0;
}

QVector<QRect> AttachmentsItem::places(int width, int *height) const {
    const int pictures = int(std::count_if(m_attachments.begin(), m_attachments.end(), [](const chat::Attachment &a) {
        return a.kind == chat::AttachmentKind::Picture;
    }));
    QVector<QRect> out;
    int x = 0, y = 0, rowHeight = 0;
    QVector<int> rowOf;
    QVector<int> rowWidths{0};
    for (const chat::Attachment &attachment : m_attachments) {
        QSize size(std::min(width, 280), 56);
        if (attachment.kind == chat::AttachmentKind::Picture) {
            const QSize room = pictures == 1 ? QSize(std::min(width, 340), 240) : QSize(std::min(width, 176), 132);
            const QSize natural = attachment.width > 0 && attachment.height > 0
                                      ? QSize(attachment.width, attachment.height)
                                      : QSize(4, 3) * 100;
            size = pictures == 1 ? natural.scaled(room, Qt::KeepAspectRatio).expandedTo({72, 72}) : room;
        }
        if (x > 0 && x + size.width() > width) {
            y += rowHeight + space::kS;
            x = rowHeight = 0;
            rowWidths.append(0);
        }
        out.append(QRect(QPoint(x, y), size));
        rowOf.append(int(rowWidths.size()) - 1);
        x += size.width() + space::kS;
        rowWidths.last() = x - space::kS;
        rowHeight = std::max(rowHeight, size.height());
    }
    for (int i = 0; i < out.size(); ++i) {
        out[i].translate(width - rowWidths[rowOf[i]], 0);
    }
    *height = y + rowHeight;
    return out;
}

int AttachmentsItem::doLayout(int width, const Look &) {
    int height = 0;
    m_places = places(width, &height);
    return height;
}

int AttachmentsItem::estimate(int width, const Look &) const {
    int height = 0;
    places(width, &height);
    return height;
}

void AttachmentsItem::paint(QPainter &painter, const QPoint &origin, const PaintState &state) const {
    const Theme &theme = *state.look.theme;
    int spot = 0;
    for (int i = 0; i < m_attachments.size(); ++i) {
        const QRect place = m_places[i].translated(origin);
        const chat::Attachment &attachment = m_attachments[i];
        if (attachment.kind == chat::AttachmentKind::Picture) {
            drawPicture(painter, place, m_paths[i], attachment.name, state.look, space::kRadius);
            HotSpot open = hotSpots().value(spot);
            paintSpot(painter, origin, open, state, spot);
            ++spot;
            continue;
        }
        painter.save();
        card(painter, place, theme.bubble, theme.border);
        const bool film = attachment.kind == chat::AttachmentKind::Film;
        const QRectF disc(place.left() + 10, place.top() + 10, 36, 36);
        painter.setPen(Qt::NoPen);
        painter.setBrush(theme.accentSoft);
        painter.drawRoundedRect(disc, 9, 9);
        paintIcon(&painter, film ? QStringLiteral("film") : QStringLiteral("sound"), disc.adjusted(8, 8, -8, -8),
                  theme.accent);
        const QRect words = place.adjusted(56, 8, -10, -8);
        painter.setPen(theme.text);
        painter.setFont(state.look.font(TextFonts::SmallStrong));
        painter.drawText(words, Qt::AlignLeft | Qt::AlignTop,
                         painter.fontMetrics().elidedText(attachment.name, Qt::ElideMiddle, words.width()));
        painter.setPen(theme.muted);
        painter.setFont(state.look.font(TextFonts::Caption));
        painter.drawText(
            words, Qt::AlignLeft | Qt::AlignBottom,
            painter.fontMetrics().elidedText(attachmentDetails(attachment), Qt::ElideRight, words.width()));
        painter.restore();
    }
}

QVector<HotSpot> AttachmentsItem::hotSpots() const {
    QVector<HotSpot> spots;
    for (int i = 0; i < m_attachments.size() && i < m_places.size(); ++i) {
        if (m_attachments[i].kind == chat::AttachmentKind::Picture) {
            HotSpot spot;
            spot.action = SpotAction::OpenPicture;
            spot.style = SpotStyle::Bare;
            spot.rect = m_places[i];
            spot.label = Transcript::tr("Open picture %1").arg(m_attachments[i].name);
            spot.argument = m_paths[i];
            spots.append(spot);
        }
    }
    return spots;
}

QString AttachmentsItem::toolTipAt(const QPoint &position) const {
    for (int i = 0; i < m_places.size(); ++i) {
        if (m_places[i].contains(position)) {
            return m_attachments[i].name + QLatin1Char('\n') + attachmentDetails(m_attachments[i]);
        }
    }
    return {};
}

MarkedPictureItem::MarkedPictureItem(PictureRef picture, QVector<OverlayMark> marks)
    : m_picture(std::move(picture)), m_marks(std::move(marks)) {
    m_gapBefore = space::kM;
}

bool MarkedPictureItem::update(const PictureRef &picture, const QVector<OverlayMark> &marks) {
    if (!(picture == m_picture)) {
        return false;
    }
    m_marks = marks;
    return true;
}

QRect MarkedPictureItem::placeFor(int width) const {
    const QSize natural = m_picture.size.isEmpty() ? QSize(400, 300) : m_picture.size;
    QSize size = natural.scaled(width, 380, Qt::KeepAspectRatio);
    // Small pictures are enlarged for their boxes' sake, but not beyond what their pixels bear.
    if (size.width() > natural.width() * 4) size = natural * 4;
    return {QPoint(0, 0), size.expandedTo({48, 48})};
}

int MarkedPictureItem::doLayout(int width, const Look &look) {
    m_place = placeFor(width);
    m_small = look.font(TextFonts::Small);
    return m_place.height() + 38;
}

int MarkedPictureItem::estimate(int width, const Look &) const { return placeFor(width).height() + 38; }

void MarkedPictureItem::paint(QPainter &painter, const QPoint &origin, const PaintState &state) const {
    const QRect place = m_place.translated(origin);
    // Boxes over nothing would only puzzle; what they say is still there as JSON.
    m_shown = drawPicture(painter, place, m_picture.path, m_picture.name, state.look, space::kRadiusSmall);
    if (m_shown) {
        const int strong = state.mouse.x() >= 0 ? markAt(m_marks, m_place, state.mouse) : -1;
        paintMarks(&painter, place, m_marks, state.look.font(TextFonts::CaptionStrong), strong);
    }
    painter.save();
    painter.setPen(state.look.theme->muted);
    painter.setFont(m_small);
    const QVector<HotSpot> spots = hotSpots();
    const int left = spots.size() > 1 ? spots.last().rect.left() : m_width;
    const QString count = Transcript::tr("%1 in %2").arg(objectCountText(m_marks.size()), m_picture.name);
    const QRect words(origin.x(), place.bottom() + 6, left - space::kS, 30);
    painter.drawText(words, Qt::AlignVCenter | Qt::AlignLeft,
                     painter.fontMetrics().elidedText(count, Qt::ElideMiddle, words.width()));
    painter.restore();
    for (int i = 0; i < spots.size(); ++i) {
        paintSpot(painter, origin, spots[i], state, i);
    }
}

QVector<HotSpot> MarkedPictureItem::hotSpots() const {
    HotSpot open;
    open.action = SpotAction::OpenPicture;
    open.style = SpotStyle::Bare;
    open.rect = m_place;
    open.label = Transcript::tr("Open picture %1 with its boxes").arg(m_picture.name);
    open.argument = m_picture.path;
    HotSpot copy;
    copy.action = SpotAction::CopyMarks;
    copy.style = SpotStyle::Button;
    copy.icon = QStringLiteral("copy");
    copy.label = Transcript::tr("Copy as JSON");
    const int width = spotWidth(copy, m_small);
    const int right = std::min(m_width, std::max(m_place.width(), 300));
    copy.rect = QRect(right - width, m_place.height() + 7, width, 28);
    return {open, copy};
}

QString MarkedPictureItem::toolTipAt(const QPoint &position) const {
    const int index = m_shown ? markAt(m_marks, m_place, position) : -1;
    if (index < 0) {
        return {};
    }
    const QRectF &p = m_marks[index].pixels;
    return QStringLiteral("%1 (%2, %3)").arg(m_marks[index].label).arg(qRound(p.left())).arg(qRound(p.top()));
}

ThinkingItem::ThinkingItem(bool open, bool running, int seconds)
    : m_open(open), m_running(running), m_seconds(seconds) {
    m_gapBefore = 0;
}

QString ThinkingItem::label() const {
    if (m_running) {
        return m_seconds > 0 ? Transcript::tr("Thinking %1 s").arg(m_seconds) : Transcript::tr("Thinking");
    }
    return m_seconds > 0 ? Transcript::tr("Thought for %1 s").arg(m_seconds) : Transcript::tr("Thoughts");
}

int ThinkingItem::doLayout(int, const Look &look) {
    m_labelWidth = QFontMetrics(look.font(TextFonts::Small)).horizontalAdvance(label());
    return 30;
}

int ThinkingItem::estimate(int, const Look &) const { return 30; }

void ThinkingItem::paint(QPainter &painter, const QPoint &origin, const PaintState &state) const {
    const Theme &theme = *state.look.theme;
    painter.save();
    const QVector<HotSpot> spots = hotSpots();
    card(painter, QRectF(spots[0].rect.translated(origin)), state.hoveredSpot == 0 ? theme.accentSoft : theme.sunken,
         Qt::transparent, 8);
    paintIcon(&painter, QStringLiteral("think"), QRectF(origin.x() + 9, origin.y() + 7, 16, 16),
              m_running ? theme.accent : theme.muted);
    painter.setFont(state.look.font(TextFonts::Small));
    painter.setPen(theme.muted);
    painter.drawText(QRect(origin.x() + 32, origin.y(), m_labelWidth + 8, 30), Qt::AlignVCenter | Qt::AlignLeft,
                     label());
    paintIcon(&painter, m_open ? QStringLiteral("chevron-down") : QStringLiteral("chevron-right"),
              QRectF(origin.x() + 32 + m_labelWidth + 6, origin.y() + 8, 14, 14), theme.muted);
    painter.restore();
    paintSpot(painter, origin, spots[0], state, 0);
}

QVector<HotSpot> ThinkingItem::hotSpots() const {
    HotSpot spot;
    spot.action = SpotAction::ToggleThinking;
    spot.style = SpotStyle::Bare;
    spot.rect = QRect(0, 0, 32 + m_labelWidth + 6 + 14 + 10, 30);
    spot.label = label() + QStringLiteral(", ") +
                 (m_open ? Transcript::tr("hide the thoughts") : Transcript::tr("show the thoughts"));
    return {spot};
}

NoticeItem::NoticeItem(QString sentence, bool problem) : m_sentence(std::move(sentence)), m_problem(problem) {
    m_gapBefore = space::kM;
}

int NoticeItem::doLayout(int width, const Look &look) {
    return layOutPlain(m_layout, m_sentence, look.font(TextFonts::Small), width - 54) + 2 * 10;
}

int NoticeItem::estimate(int, const Look &) const { return 40; }

void NoticeItem::paint(QPainter &painter, const QPoint &origin, const PaintState &state) const {
    const Theme &theme = *state.look.theme;
    painter.save();
    const QColor ink = m_problem ? theme.danger : theme.warning;
    card(painter, QRectF(origin.x(), origin.y(), m_width, m_height), m_problem ? theme.dangerSoft : theme.warningSoft,
         theme.scheme == Scheme::HighContrast ? theme.border : QColor(Qt::transparent));
    paintIcon(&painter, m_problem ? QStringLiteral("warning") : QStringLiteral("info"),
              QRectF(origin.x() + 13, origin.y() + 10, 17, 17), ink);
    painter.setPen(theme.text);
    m_layout.draw(&painter, QPointF(origin.x() + 40, origin.y() + 10));
    painter.restore();
}

void WaitingItem::paint(QPainter &painter, const QPoint &origin, const PaintState &state) const {
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(Qt::NoPen);
    const qint64 beat = QDateTime::currentMSecsSinceEpoch() / 260 % 4;
    for (int i = 0; i < 3; ++i) {
        painter.setBrush(beat == i ? state.look.theme->accent : state.look.theme->borderStrong);
        painter.drawEllipse(QPointF(origin.x() + 6 + i * 13, origin.y() + 12), 3.5, 3.5);
    }
    painter.restore();
}

} // namespace facet::ui
