#include "ui/widgets/bars.h"

#include "ui/theme/facet_style.h"
#include "ui/theme/icons.h"
#include "ui/theme/theme.h"
#include "ui/transcript/words.h"

#include <QAccessible>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QPainter>
#include <QProgressBar>
#include <QPushButton>
#include <QToolButton>

#include <algorithm>

namespace facet::ui {

namespace {

QToolButton *smallButton(QWidget *parent, const QString &iconName, const QString &name) {
    auto *button = new QToolButton(parent);
    button->setIcon(icon(iconName, Tint::Muted));
    button->setIconSize({16, 16});
    button->setToolTip(name);
    button->setAccessibleName(name);
    return button;
}

} // namespace

Banner::Banner(Kind kind, QWidget *parent)
    : QWidget(parent), m_kind(kind), m_label(new QLabel(this)), m_button(new QPushButton(this)),
      m_close(smallButton(this, QStringLiteral("close"), tr("Hide this note until the next start"))) {
    m_label->setWordWrap(true);
    m_label->setTextFormat(Qt::PlainText); // words of the engine
    m_close->setFocusPolicy(Qt::TabFocus);
    m_close->setVisible(kind == Kind::Info); // a problem stays until it is solved
    m_button->setProperty(kQuiet, kind == Kind::Info);
    auto *row = new QHBoxLayout(this);
    row->setContentsMargins(44, 5, space::kM, 5);
    row->setSpacing(space::kM);
    row->addWidget(m_label, 1);
    row->addWidget(m_button);
    row->addWidget(m_close);
    connect(m_button, &QPushButton::clicked, this, &Banner::pressed);
    connect(m_close, &QToolButton::clicked, this, &Banner::dismissed);
}

void Banner::setContent(const QString &sentence, const QString &action) {
    m_label->setText(sentence);
    m_button->setText(action);
    m_button->setVisible(!action.isEmpty());
    setAccessibleName(sentence);
}

void Banner::paintEvent(QPaintEvent *) {
    const Theme &theme = Theme::of(palette());
    QPainter painter(this);
    const bool problem = m_kind == Kind::Problem;
    painter.fillRect(rect(), problem ? theme.dangerSoft : theme.accentSoft);
    painter.fillRect(QRect(0, height() - 1, width(), 1), theme.border);
    paintIcon(&painter, problem ? QStringLiteral("warning") : QStringLiteral("info"),
              QRectF(space::kL, height() / 2.0 - 9, 18, 18), problem ? theme.danger : theme.accent);
}

PhaseStrip::PhaseStrip(QWidget *parent) : QWidget(parent), m_label(new QLabel(this)), m_bar(new QProgressBar(this)) {
    m_bar->setFixedHeight(4);
    m_bar->setMaximumWidth(220);
    m_bar->setTextVisible(false);
    m_bar->setAccessibleName(tr("Progress"));
    m_label->setForegroundRole(QPalette::PlaceholderText);
    m_label->setAccessibleName(tr("What the engine is doing"));
    auto *row = new QHBoxLayout(this);
    row->setContentsMargins(space::kM, 2, space::kM, 2);
    row->setSpacing(space::kM);
    row->addWidget(m_label);
    row->addWidget(m_bar, 1);
    row->addStretch(1);
    QSizePolicy policy = sizePolicy();
    policy.setRetainSizeWhenHidden(true); // the composer does not jump when a turn begins
    setSizePolicy(policy);
    setFixedHeight(28);
    hide();
}

QString PhaseStrip::text() const { return m_label->text(); }

void PhaseStrip::setProgress(const chat::TurnProgress &progress) {
    const QString words = phaseText(progress);
    setVisible(!words.isEmpty());
    m_label->setText(words);
    m_label->setAccessibleDescription(words);
    const double share = phaseShare(progress);
    m_bar->setVisible(share >= 0);
    m_bar->setRange(0, 1000);
    m_bar->setValue(int(std::clamp(share, 0.0, 1.0) * 1000));
}

FindBar::FindBar(QWidget *parent) : QWidget(parent), m_field(new QLineEdit(this)), m_result(new QLabel(this)) {
    m_field->setPlaceholderText(tr("Find in this chat"));
    m_field->setAccessibleName(tr("Find in this chat"));
    m_field->addAction(icon(QStringLiteral("search"), Tint::Muted), QLineEdit::LeadingPosition);
    m_result->setMinimumWidth(70);
    m_result->setAccessibleName(tr("Matches"));
    m_result->setForegroundRole(QPalette::PlaceholderText);
    auto *up = smallButton(this, QStringLiteral("chevron-down"), tr("Next match (Enter)"));
    auto *down = smallButton(this, QStringLiteral("chevron-right"), tr("Previous match (Shift+Enter)"));
    down->setIcon(icon(QStringLiteral("chevron-up"), Tint::Muted));
    auto *close = smallButton(this, QStringLiteral("close"), tr("Close (Esc)"));
    auto *row = new QHBoxLayout(this);
    row->setContentsMargins(space::kM, 6, space::kM, 6);
    row->addStretch(1);
    row->addWidget(m_field, 3);
    row->addWidget(m_result);
    row->addWidget(down);
    row->addWidget(up);
    row->addWidget(close);
    row->addStretch(1);
    m_field->setMaximumWidth(360);
    connect(m_field, &QLineEdit::textChanged, this, &FindBar::wordsChanged);
    connect(up, &QToolButton::clicked, this, [this] { emit stepRequested(1); });
    connect(down, &QToolButton::clicked, this, [this] { emit stepRequested(-1); });
    connect(close, &QToolButton::clicked, this, &FindBar::closed);
    hide();
}

void FindBar::open() {
    show();
    m_field->setFocus(Qt::ShortcutFocusReason);
    m_field->selectAll();
    emit wordsChanged(m_field->text());
}

void FindBar::showWords(const QString &words) {
    const QSignalBlocker blocker(m_field);
    m_field->setText(words);
    show();
}

void FindBar::setResult(int current, int count) {
    m_result->setText(m_field->text().isEmpty() ? QString()
                      : count == 0              ? tr("No match")
                                                : tr("%1 of %2").arg(current + 1).arg(count));
}

void FindBar::keyPressEvent(QKeyEvent *event) {
    if (event->key() == Qt::Key_Escape) {
        emit closed();
    } else if (event->key() == Qt::Key_Return || event->key() == Qt::Key_Enter) {
        emit stepRequested(event->modifiers() & Qt::ShiftModifier ? -1 : 1);
    } else {
        QWidget::keyPressEvent(event);
    }
}

void FindBar::paintEvent(QPaintEvent *) {
    QPainter painter(this);
    const Theme &theme = Theme::of(palette());
    painter.fillRect(rect(), theme.window);
    painter.fillRect(QRect(0, height() - 1, width(), 1), theme.border);
}

Toast::Toast(QWidget *parent) : QWidget(parent), m_label(new QLabel(this)), m_button(new QPushButton(this)) {
    m_close = smallButton(this, QStringLiteral("close"), tr("Dismiss"));
    m_button->setProperty(kQuiet, true);
    m_button->hide();
    m_label->setWordWrap(true);
    m_label->setTextFormat(Qt::PlainText); // names of files, words of servers
    auto *row = new QHBoxLayout(this);
    row->setContentsMargins(space::kL, space::kS, space::kS, space::kS);
    row->addWidget(m_label, 1);
    row->addWidget(m_button);
    row->addWidget(m_close);
    m_timer.setSingleShot(true);
    connect(&m_timer, &QTimer::timeout, this, &QWidget::hide);
    connect(m_close, &QToolButton::clicked, this, &QWidget::hide);
    connect(m_button, &QPushButton::clicked, this, [this] {
        hide();
        emit actionPressed();
    });
    parent->installEventFilter(this);
    hide();
}

QString Toast::text() const { return m_label->text(); }

void Toast::show(const QString &sentence, const QString &action) {
    constexpr int kShortMs = 6000, kLongMs = 12000;
    m_label->setText(sentence);
    m_button->setText(action);
    m_button->setVisible(!action.isEmpty());
    setAccessibleName(sentence);
    QWidget::show();
    raise();
    place();
    m_timer.start(action.isEmpty() ? kShortMs : kLongMs);
    QAccessibleEvent event(this, QAccessible::Alert);
    QAccessible::updateAccessibility(&event);
}

void Toast::place() {
    const int width = std::min(460, parentWidget()->width() - 2 * space::kL);
    m_label->setMaximumWidth(width);
    resize(width, std::max(52, heightForWidth(width) > 0 ? heightForWidth(width) : sizeHint().height()));
    move((parentWidget()->width() - width) / 2, parentWidget()->height() - height() - 168);
}

bool Toast::eventFilter(QObject *watched, QEvent *event) {
    if (event->type() == QEvent::Resize && isVisible()) place();
    return QWidget::eventFilter(watched, event);
}

void Toast::paintEvent(QPaintEvent *) {
    const Theme &theme = Theme::of(palette());
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(QPen(theme.borderStrong, 1));
    painter.setBrush(theme.card);
    painter.drawRoundedRect(QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5), space::kRadius, space::kRadius);
}

} // namespace facet::ui
