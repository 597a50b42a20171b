#include "ui/widgets/paragraph.h"

#include <QFontMetrics>

#include <algorithm>

namespace facet::ui {

namespace {
constexpr int kUsualWidth = 420, kLeastWidth = 160;
}

Paragraph::Paragraph(const QString &text, QWidget *parent) : QLabel(text, parent) {
    setWordWrap(true);
    setTextFormat(Qt::PlainText);
    QSizePolicy policy(QSizePolicy::Preferred, QSizePolicy::Minimum);
    policy.setHeightForWidth(true);
    setSizePolicy(policy);
}

QSize Paragraph::sizeHint() const { return {kUsualWidth, heightForWidth(kUsualWidth)}; }

QSize Paragraph::minimumSizeHint() const { return {kLeastWidth, fontMetrics().height()}; }

int Paragraph::heightForWidth(int width) const {
    if (width != m_measuredWidth || text() != m_measuredText || font() != m_measuredFont) {
        m_measuredWidth = width;
        m_measuredText = text();
        m_measuredFont = font();
        const int room = std::max(1, width - 2 * margin());
        const QRect place(0, 0, room, 1 << 20);
        m_height = fontMetrics().boundingRect(place, int(alignment()) | Qt::TextWordWrap, text()).height() + 2 * margin();
    }
    return m_height;
}

} // namespace facet::ui
