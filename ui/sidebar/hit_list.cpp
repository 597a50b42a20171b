#include "ui/sidebar/hit_list.h"

#include "ui/sidebar/conversation_model.h"
#include "ui/theme/theme.h"

#include <QEvent>
#include <QPainter>
#include <QStandardItemModel>
#include <QStyledItemDelegate>
#include <QTextLayout>

#include <algorithm>
#include <cmath>

namespace facet::ui {

namespace {

constexpr int kPadX = 12, kPadY = 7, kLines = 2;

class HitDelegate : public QStyledItemDelegate {
public:
    explicit HitDelegate(HitList *list) : QStyledItemDelegate(list), m_list(list) {}

    QSize sizeHint(const QStyleOptionViewItem &option, const QModelIndex &) const override {
        const int title = QFontMetrics(type::caption(option.font)).height();
        const int line = QFontMetrics(type::small(option.font)).height();
        return {100, 2 * kPadY + title + 3 + kLines * line};
    }

    void paint(QPainter *painter, const QStyleOptionViewItem &option, const QModelIndex &index) const override {
        const chat::SearchHit &hit = m_list->hits()[index.row()];
        const Theme &theme = Theme::of(option.palette);
        painter->save();
        painter->setRenderHint(QPainter::Antialiasing);
        const bool current = option.state & QStyle::State_HasFocus && option.state & QStyle::State_Selected;
        if (option.state & QStyle::State_MouseOver || current) {
            painter->setPen(current ? QPen(theme.accent, 2) : QPen(Qt::NoPen));
            painter->setBrush(theme.hover);
            painter->drawRoundedRect(QRectF(option.rect).adjusted(3, 1, -3, -1), 8, 8);
        }
        const QRect inner = option.rect.adjusted(kPadX, kPadY, -kPadX, -kPadY);
        const QFont caption = type::caption(option.font);
        const QFontMetrics metrics(caption);
        const QString when = whenText(hit.created, QDateTime::currentDateTime());
        painter->setFont(caption);
        painter->setPen(theme.faint);
        painter->drawText(inner, Qt::AlignTop | Qt::AlignRight, when);
        painter->setPen(theme.muted);
        painter->drawText(inner, Qt::AlignTop | Qt::AlignLeft,
                          metrics.elidedText(hit.title, Qt::ElideRight,
                                             inner.width() - metrics.horizontalAdvance(when) - 8));
        paintExcerpt(painter, hit, inner.adjusted(0, metrics.height() + 3, 0, 0), type::small(option.font), theme);
        painter->restore();
    }

private:
    static void paintExcerpt(QPainter *painter, const chat::SearchHit &hit, const QRect &place, const QFont &font,
                             const Theme &theme) {
        QTextLayout layout(hit.excerpt, font);
        QVector<QTextLayout::FormatRange> marks;
        for (const auto &[start, length] : hit.marks) {
            QTextLayout::FormatRange range;
            range.start = start;
            range.length = length;
            range.format.setBackground(theme.match);
            range.format.setFontWeight(QFont::DemiBold);
            marks.append(range);
        }
        layout.setFormats(marks);
        layout.beginLayout();
        const int step = QFontMetrics(font).height();
        for (int i = 0; i < kLines; ++i) {
            QTextLine line = layout.createLine();
            if (!line.isValid()) {
                break;
            }
            line.setLineWidth(place.width());
            line.setPosition(QPointF(0, i * step));
        }
        layout.endLayout();
        painter->setPen(theme.text);
        painter->setClipRect(place, Qt::IntersectClip);
        layout.draw(painter, place.topLeft());
    }

    HitList *m_list;
};

} // namespace

HitList::HitList(QWidget *parent) : QListView(parent), m_model(new QStandardItemModel(this)) {
    setModel(m_model);
    setItemDelegate(new HitDelegate(this));
    setFrameShape(QFrame::NoFrame);
    setUniformItemSizes(true);
    setMouseTracking(true);
    setEditTriggers(NoEditTriggers);
    setVerticalScrollMode(ScrollPerPixel);
    setAccessibleName(tr("Messages with these words"));
    viewport()->setAutoFillBackground(false);
    connect(this, &QListView::clicked, this, &HitList::choose);
    connect(this, &QListView::activated, this, &HitList::choose);
}

void HitList::setHits(const QVector<chat::SearchHit> &hits) {
    m_model->clear();
    m_hits = hits;
    for (const chat::SearchHit &hit : hits) {
        auto *item = new QStandardItem(hit.excerpt);
        item->setData(tr("%1: %2").arg(hit.title, hit.excerpt), Qt::AccessibleTextRole);
        m_model->appendRow(item);
    }
}

void HitList::choose(const QModelIndex &index) {
    if (index.isValid() && index.row() < m_hits.size()) {
        const chat::SearchHit hit = m_hits[index.row()]; // a listener may search anew
        emit chosen(hit.conversation, hit.message);
    }
}

void HitList::changeEvent(QEvent *event) {
    QListView::changeEvent(event);
    if (event->type() == QEvent::FontChange) scheduleDelayedItemsLayout();
}

} // namespace facet::ui
