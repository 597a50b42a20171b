#include "ui/composer/attachment_chip.h"

#include "ui/overlay/picture_cache.h"
#include "ui/theme/icons.h"
#include "ui/theme/theme.h"
#include "ui/transcript/words.h"
#include "ui/widgets/plain_tip.h"

#include <QActionGroup>
#include <QMenu>
#include <QPainter>
#include <QPainterPath>
#include <QToolButton>

namespace facet::ui {

namespace {
constexpr int kHeight = 56, kWidth = 228, kPictureWidth = 282, kThumb = 40;
}

QString budgetWords(int budget) {
    switch (budget) {
    case 70: return AttachmentChip::tr("Low: what it shows (70 tokens)");
    case 140: return AttachmentChip::tr("Reduced (140 tokens)");
    case 280: return AttachmentChip::tr("Normal (280 tokens)");
    case 560: return AttachmentChip::tr("High: signs, small objects (560 tokens)");
    case 1120: return AttachmentChip::tr("Very high: pages, small print (1120 tokens)");
    default: return tokenCountText(budget);
    }
}

AttachmentChip::AttachmentChip(int ticket, const QString &name, PictureCache *pictures, QWidget *parent)
    : QWidget(parent), m_ticket(ticket), m_name(name), m_pictures(pictures), m_remove(new QToolButton(this)),
      m_budget(new QToolButton(this)) {
    m_remove->setIcon(icon(QStringLiteral("close"), Tint::Muted));
    m_remove->setIconSize({14, 14});
    m_remove->setFixedSize(26, 26);
    m_budget->setIcon(icon(QStringLiteral("gauge"), Tint::Muted));
    m_budget->setIconSize({16, 16});
    m_budget->setFixedSize(26, 26);
    m_budget->setPopupMode(QToolButton::InstantPopup);
    m_budget->hide();
    connect(m_remove, &QToolButton::clicked, this, [this] { emit removeRequested(m_ticket); });
    connect(m_pictures, &PictureCache::loaded, this, [this](const QString &path) {
        if (path == m_path) update();
    });
    refresh();
}

QSize AttachmentChip::sizeHint() const {
    return {m_ready && m_attachment.kind == chat::AttachmentKind::Picture ? kPictureWidth : kWidth, kHeight};
}

QString AttachmentChip::details() const {
    return !m_problem.isEmpty() ? m_problem : m_ready ? attachmentDetails(m_attachment) : tr("Reading …");
}

void AttachmentChip::setReady(const chat::Attachment &attachment, const QString &path) {
    m_attachment = attachment;
    m_path = path;
    m_ready = true;
    m_problem.clear();
    if (!attachment.name.isEmpty()) m_name = attachment.name;
    refresh();
}

void AttachmentChip::setFailed(const QString &sentence) {
    m_problem = sentence;
    refresh();
}

void AttachmentChip::setBudgets(const QVector<int> &budgets, int standard) {
    if (budgets != m_budgets || standard != m_standardBudget || !m_budget->menu()) {
        m_budgets = budgets;
        m_standardBudget = standard;
        refresh();
    }
}

void AttachmentChip::refresh() {
    setFixedSize(sizeHint());
    setToolTip(plainTip(m_name + QLatin1Char('\n') + details()));
    setAccessibleName(tr("%1, %2").arg(m_name, details()));
    m_remove->setToolTip(tr("Remove"));
    m_remove->setAccessibleName(tr("Remove %1").arg(m_name));
    const bool picture =
        m_ready && m_attachment.kind == chat::AttachmentKind::Picture && !m_budgets.isEmpty() && m_problem.isEmpty();
    m_budget->setVisible(picture);
    if (picture) {
        auto *menu = new QMenu(m_budget);
        auto *group = new QActionGroup(menu);
        menu->setToolTipsVisible(true);
        const int chosen = m_attachment.tokenBudget > 0 ? m_attachment.tokenBudget : m_standardBudget;
        for (const int budget : m_budgets) {
            QAction *action = menu->addAction(budgetWords(budget));
            action->setCheckable(true);
            action->setChecked(budget == chosen);
            action->setData(budget);
            group->addAction(action);
            connect(action, &QAction::triggered, this, [this, budget] {
                m_attachment.tokenBudget = budget;
                setAccessibleName(tr("%1, %2").arg(m_name, details()));
                emit budgetChosen(m_ticket, budget);
            });
        }
        delete m_budget->menu();
        m_budget->setMenu(menu);
        m_budget->setToolTip(tr("Picture detail: %1").arg(budgetWords(chosen)));
        m_budget->setAccessibleName(tr("Detail of %1").arg(m_name));
    }
    update();
}

void AttachmentChip::resizeEvent(QResizeEvent *) {
    m_remove->move(width() - m_remove->width() - 5, 4);
    m_budget->move(width() - m_budget->width() - 5, height() - m_budget->height() - 3);
}

void AttachmentChip::paintEvent(QPaintEvent *) {
    QPainter painter(this);
    painter.setRenderHints(QPainter::Antialiasing | QPainter::SmoothPixmapTransform);
    const Theme &theme = Theme::of(palette());
    painter.setPen(QPen(m_problem.isEmpty() ? theme.border : theme.danger, 1));
    painter.setBrush(m_problem.isEmpty() ? theme.sunken : theme.dangerSoft);
    painter.drawRoundedRect(QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5), space::kRadius, space::kRadius);

    const QRect thumb(8, 8, kThumb, kThumb);
    QPainterPath clip;
    clip.addRoundedRect(QRectF(thumb), 7, 7);
    const bool picture = m_attachment.kind == chat::AttachmentKind::Picture;
    const QImage image =
        m_ready && picture ? m_pictures->picture(m_path, int(kThumb * devicePixelRatioF() * 2)) : QImage();
    if (!image.isNull()) {
        painter.save();
        painter.setClipPath(clip);
        QRectF target(QPointF(0, 0), QSizeF(image.size()).scaled(QSizeF(thumb.size()), Qt::KeepAspectRatioByExpanding));
        target.moveCenter(QRectF(thumb).center());
        painter.drawImage(target, image);
        painter.restore();
    } else {
        painter.fillPath(clip, theme.accentSoft);
        const QString name = !m_problem.isEmpty()                               ? QStringLiteral("warning")
                             : m_attachment.kind == chat::AttachmentKind::Sound ? QStringLiteral("sound")
                             : m_attachment.kind == chat::AttachmentKind::Film  ? QStringLiteral("film")
                                                                                : QStringLiteral("picture");
        paintIcon(&painter, name, QRectF(thumb).adjusted(10, 10, -10, -10),
                  m_problem.isEmpty() ? theme.accent : theme.danger);
    }
    const QRect words(thumb.right() + 10, 8, width() - thumb.right() - 10 - 36, height() - 16);
    painter.setPen(theme.text);
    painter.setFont(type::strong(type::small(font())));
    painter.drawText(words, Qt::AlignTop | Qt::AlignLeft,
                     painter.fontMetrics().elidedText(m_name, Qt::ElideMiddle, words.width()));
    painter.setPen(m_problem.isEmpty() ? theme.muted : theme.danger);
    painter.setFont(type::caption(font()));
    const QRect line =
        words.adjusted(0, 0, m_budget->isHidden() ? 26 : 0, 0); // the button below the name is there for pictures only
    painter.drawText(line, Qt::AlignBottom | Qt::AlignLeft,
                     painter.fontMetrics().elidedText(details(), Qt::ElideRight, line.width()));
}

} // namespace facet::ui
