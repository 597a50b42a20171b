#include "ui/widgets/empty_state.h"

#include "ui/theme/icons.h"
#include "ui/theme/theme.h"

#include <QGridLayout>
#include <QLabel>
#include <QPaintEvent>
#include <QPainter>
#include <QVBoxLayout>

#include <algorithm>

namespace facet::ui {

TaskCard::TaskCard(const QString &iconName, const QString &title, const QString &explanation, QWidget *parent)
    : QAbstractButton(parent), m_icon(iconName), m_title(title), m_explanation(explanation) {
    m_title.setTextFormat(Qt::PlainText);
    m_explanation.setTextFormat(Qt::PlainText);
    setText(title);
    setAccessibleName(title);
    setAccessibleDescription(explanation);
    setFocusPolicy(Qt::StrongFocus);
    setCursor(Qt::PointingHandCursor);
    setAttribute(Qt::WA_Hover);
    setMinimumWidth(220);
    setMaximumWidth(372);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
}

void TaskCard::paintEvent(QPaintEvent *) {
    if (m_stale) layOutTexts();
    const Theme &theme = Theme::of(palette());
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const bool active = underMouse() || isDown();
    painter.setPen(hasFocus() ? QPen(theme.accent, 2) : QPen(active ? theme.borderStrong : theme.border, 1));
    painter.setBrush(isDown() ? theme.accentSoft : theme.card);
    painter.drawRoundedRect(QRectF(rect()).adjusted(1, 1, -1, -1), 12, 12);
    const QRectF disc(space::kL, (height() - 40) / 2.0, 40, 40);
    painter.setPen(Qt::NoPen);
    painter.setBrush(theme.accentSoft);
    painter.drawRoundedRect(disc, 11, 11);
    paintIcon(&painter, m_icon, disc.adjusted(10, 10, -10, -10), theme.accent);
    const double titleHeight = m_title.size().height(), noteHeight = m_explanation.size().height();
    const int top = int(height() - titleHeight - 3 - noteHeight) / 2;
    painter.setFont(type::small(font()));
    painter.setPen(theme.muted);
    painter.drawStaticText(QPointF(wordsPlace().left(), top + titleHeight + 3), m_explanation);
    painter.setFont(type::strong(font()));
    painter.setPen(theme.text);
    painter.drawStaticText(QPointF(wordsPlace().left(), top), m_title);
}

QRect TaskCard::wordsPlace() const {
    constexpr int kLeft = space::kL + 40 + 14;
    return {kLeft, 0, std::max(40, width() - kLeft - space::kM), height()};
}

// When it is painted: out of sight a new font costs nothing.
void TaskCard::layOutTexts() {
    m_stale = false;
    m_title.setTextWidth(wordsPlace().width());
    m_title.prepare(QTransform(), type::strong(font()));
    m_explanation.setTextWidth(wordsPlace().width());
    m_explanation.prepare(QTransform(), type::small(font()));
}

void TaskCard::resizeEvent(QResizeEvent *event) {
    QAbstractButton::resizeEvent(event);
    m_stale = true;
}

void TaskCard::changeEvent(QEvent *event) {
    QAbstractButton::changeEvent(event);
    m_stale = m_stale || event->type() == QEvent::FontChange;
}

EmptyState::EmptyState(QWidget *parent)
    : QWidget(parent), m_title(new QLabel(tr("What shall we look at?"), this)), m_subtitle(new QLabel(this)) {
    m_title->setAlignment(Qt::AlignCenter);
    m_title->setFont(type::title(font()));
    m_subtitle->setAlignment(Qt::AlignCenter);
    m_subtitle->setWordWrap(true);
    m_subtitle->setTextFormat(Qt::PlainText); // the name of a model, the address of a server
    m_subtitle->setForegroundRole(QPalette::PlaceholderText);
    m_cards = {
        new TaskCard(QStringLiteral("text"), tr("Read text"), tr("From a photo, a scan or a screenshot"), this),
        new TaskCard(QStringLiteral("boxes"), tr("Find objects"), tr("Boxes drawn over your picture"), this),
        new TaskCard(QStringLiteral("sound"), tr("Transcribe"), tr("A recording or a film, word for word"), this),
        new TaskCard(QStringLiteral("chat"), tr("Ask"), tr("About anything, with or without files"), this)};
    setAttribute(Qt::WA_OpaquePaintEvent); // paintEvent fills it; nothing below need be painted
    auto *column = new QVBoxLayout(this);
    column->setContentsMargins(space::kXl, space::kXl, space::kXl, space::kXl);
    column->addStretch(3);
    column->addSpacing(72); // the mark above the title
    column->addWidget(m_title);
    column->addWidget(m_subtitle);
    column->addSpacing(space::kL);
    m_grid = new QGridLayout;
    m_grid->setSpacing(space::kM);
    column->addLayout(m_grid);
    column->addStretch(4);
    for (int i = 0; i < m_cards.size(); ++i) {
        connect(m_cards[i], &QAbstractButton::clicked, this, [this, i] { emit chosen(Task(i)); });
    }
    arrange();
}

QString EmptyState::promptFor(Task task, bool demo) {
    switch (task) {
    case Task::ReadText: return tr("Read all the text in this picture.");
    case Task::FindObjects: return tr("Detect every object in the picture. Output a JSON list with box_2d and label.");
    case Task::Transcribe: return tr("Transcribe this recording word for word.");
    case Task::Ask: break;
    }
    return demo ? tr("What's the weather like in Tunis?") : QString();
}

void EmptyState::setModel(const QString &sentence) { m_subtitle->setText(sentence); }

void EmptyState::arrange() {
    const int columns = width() < 560 ? 1 : 2;
    if (columns == m_columns) {
        return;
    }
    m_columns = columns;
    for (TaskCard *each : std::as_const(m_cards)) {
        m_grid->removeWidget(each);
        each->setFixedHeight(columns == 1 ? 72 : 86);
    }
    for (int c = 0; c < 4; ++c) m_grid->setColumnStretch(c, 0);
    m_grid->setColumnStretch(0, 1);
    m_grid->setColumnStretch(columns + 1, 1);
    for (int i = 0; i < m_cards.size(); ++i) {
        m_grid->addWidget(m_cards[i], i / columns, 1 + i % columns);
        m_grid->setColumnStretch(1 + i % columns, 4);
    }
}

void EmptyState::resizeEvent(QResizeEvent *event) {
    QWidget::resizeEvent(event);
    arrange();
}

void EmptyState::paintEvent(QPaintEvent *event) {
    const Theme &theme = Theme::of(palette());
    QPainter painter(this);
    painter.fillRect(event->rect(), theme.ground);
    paintIcon(&painter, QStringLiteral("facet"), QRectF(width() / 2.0 - 24, m_title->y() - 64, 48, 48), theme.accent);
}

} // namespace facet::ui
