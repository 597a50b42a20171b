// The line below a message: details, buttons, and "‹ 2/3 ›" where there are other versions.
#include "ui/transcript/card_items.h"
#include "ui/transcript/words.h"

#include <QFontMetrics>

#include <algorithm>
#include <utility>

namespace facet::ui {

namespace {
constexpr int kButton = 32, kArrow = 26;
}

FooterItem::FooterItem(bool user, bool finished, QString details, int version, int versionCount)
    : m_user(user), m_finished(finished), m_details(std::move(details)), m_version(version),
      m_versionCount(versionCount) {
    m_gapBefore = 4;
}

QString FooterItem::versionWords() const {
    return QStringLiteral("%1/%2").arg(m_version + 1).arg(m_versionCount);
}

int FooterItem::doLayout(int width, const Look &look) {
    const QFontMetrics metrics(look.font(TextFonts::Caption));
    m_versionsWidth = m_versionCount > 1 ? metrics.horizontalAdvance(versionWords()) + 8 : 0;
    const int versions = m_versionCount > 1 ? m_versionsWidth + 2 * kArrow + space::kS : 0;
    const int buttons = 2 * kButton;
    // The versions stay when the buttons hide, so they stand at the edge that the message stands at.
    if (m_user) {
        m_versionsLeft = width - versions + (versions > 0 ? space::kS : 0);
        m_buttonsLeft = width - versions - buttons;
    } else {
        const int words = m_details.isEmpty() ? 0 : metrics.horizontalAdvance(m_details) + space::kM;
        m_versionsLeft = std::min(words, std::max(0, width - buttons - versions));
        m_buttonsLeft = m_versionsLeft + versions;
    }
    return 30;
}

void FooterItem::paint(QPainter &painter, const QPoint &origin, const PaintState &state) const {
    painter.save();
    painter.setFont(state.look.font(TextFonts::Caption));
    painter.setPen(state.look.theme->faint);
    if (!m_details.isEmpty()) {
        const int room = std::max(40, m_versionsLeft);
        painter.drawText(QRect(origin.x(), origin.y(), room, 30), Qt::AlignVCenter | Qt::AlignLeft,
                         painter.fontMetrics().elidedText(m_details, Qt::ElideRight, room));
    }
    if (m_versionCount > 1) {
        painter.setPen(state.look.theme->muted);
        painter.drawText(QRect(origin.x() + m_versionsLeft + kArrow, origin.y(), m_versionsWidth, 30),
                         Qt::AlignCenter, versionWords());
    }
    painter.restore();
    const QVector<HotSpot> spots = hotSpots();
    for (int i = 0; i < spots.size(); ++i) {
        paintSpot(painter, origin, spots[i], state, i);
    }
}

QVector<HotSpot> FooterItem::hotSpots() const {
    if (!m_finished) {
        return {};
    }
    QVector<HotSpot> spots;
    const auto add = [&spots](SpotAction action, const QString &icon, const QString &label, const QRect &rect,
                              bool onHover) {
        HotSpot spot;
        spot.action = action;
        spot.icon = icon;
        spot.label = label;
        spot.rect = rect;
        spot.onHover = onHover;
        spots.append(spot);
    };
    if (m_version > 0) {
        add(SpotAction::OlderVersion, QStringLiteral("chevron-left"),
            Transcript::tr("Version %1 of %2").arg(m_version).arg(m_versionCount),
            QRect(m_versionsLeft, 2, kArrow, 26), false);
    }
    if (m_version + 1 < m_versionCount) {
        add(SpotAction::NewerVersion, QStringLiteral("chevron-right"),
            Transcript::tr("Version %1 of %2").arg(m_version + 2).arg(m_versionCount),
            QRect(m_versionsLeft + kArrow + m_versionsWidth, 2, kArrow, 26), false);
    }
    add(SpotAction::CopyMessage, QStringLiteral("copy"), Transcript::tr("Copy message"),
        QRect(m_buttonsLeft, 1, 30, 28), true);
    add(m_user ? SpotAction::EditMessage : SpotAction::Regenerate,
        m_user ? QStringLiteral("edit") : QStringLiteral("regenerate"),
        m_user ? Transcript::tr("Edit and send again") : Transcript::tr("Answer again"),
        QRect(m_buttonsLeft + kButton, 1, 30, 28), true);
    return spots;
}

} // namespace facet::ui
