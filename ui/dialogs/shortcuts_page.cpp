#include "ui/dialogs/shortcuts_page.h"

#include "ui/theme/theme.h"

#include <QAction>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QKeySequenceEdit>
#include <QLabel>
#include <QPainter>
#include <QPushButton>
#include <QSettings>
#include <QStyle>
#include <QStyledItemDelegate>
#include <QTreeWidget>
#include <QVBoxLayout>

#include <algorithm>
#include <utility>

namespace facet::ui {

namespace {

QList<QKeySequence> standardKeys(const QAction *action) {
    return action->property(kStandardKeys).value<QList<QKeySequence>>();
}

// Rows with air around their words.
class RowDelegate : public QStyledItemDelegate {
public:
    using QStyledItemDelegate::QStyledItemDelegate;

    QSize sizeHint(const QStyleOptionViewItem &option, const QModelIndex &index) const override {
        const QSize size = QStyledItemDelegate::sizeHint(option, index);
        return {size.width() + 2 * space::kM, std::max(size.height(), 32)};
    }

    void paint(QPainter *painter, const QStyleOptionViewItem &option, const QModelIndex &index) const override {
        QStyleOptionViewItem item(option);
        initStyleOption(&item, index);
        const QString words = std::exchange(item.text, {});
        item.widget->style()->drawControl(QStyle::CE_ItemViewItem, &item, painter, item.widget);
        painter->setFont(item.font);
        painter->setPen(item.palette.color(QPalette::Text));
        const QRect place = item.rect.adjusted(space::kM, 0, -space::kM, 0);
        painter->drawText(place, Qt::AlignVCenter | Qt::AlignLeft,
                          item.fontMetrics.elidedText(words, Qt::ElideRight, place.width()));
    }
};

QString nameOf(const QAction *action) {
    return action->text().remove(QLatin1Char('&')).remove(QStringLiteral(" …"));
}

} // namespace

QStringList actionsWith(const QKeySequence &keys, const QList<QAction *> &actions, const QAction *except) {
    QStringList names;
    for (const QAction *action : actions) {
        if (action != except && !keys.isEmpty() && action->shortcuts().contains(keys)) names << nameOf(action);
    }
    return names;
}

void loadShortcuts(QSettings *settings, const QList<QAction *> &actions) {
    settings->beginGroup(QStringLiteral("shortcuts"));
    for (QAction *action : actions) {
        if (settings->contains(action->objectName())) {
            action->setShortcuts(QKeySequence::listFromString(settings->value(action->objectName()).toString(),
                                                              QKeySequence::PortableText));
        }
    }
    settings->endGroup();
}

QVariantMap shortcutValues(const QList<QAction *> &actions) {
    QVariantMap values;
    for (const QAction *action : actions) {
        const bool changed = action->shortcuts() != standardKeys(action);
        const QString keys = QKeySequence::listToString(action->shortcuts(), QKeySequence::PortableText);
        values.insert(QStringLiteral("shortcuts/") + action->objectName(), changed ? QVariant(keys) : QVariant());
    }
    return values;
}

ShortcutsPage::ShortcutsPage(QList<QAction *> actions, QWidget *parent)
    : QWidget(parent), m_actions(std::move(actions)), m_list(new QTreeWidget(this)), m_field(new QKeySequenceEdit(this)),
      m_notice(new QLabel(this)), m_clear(new QPushButton(tr("No &keys"), this)),
      m_reset(new QPushButton(tr("&Reset"), this)), m_resetAll(new QPushButton(tr("Reset &all"), this)) {
    m_list->setHeaderLabels({tr("What"), tr("Keys")});
    m_list->setRootIsDecorated(false);
    m_list->setUniformRowHeights(true);
    m_list->setItemDelegate(new RowDelegate(m_list));
    m_list->header()->hide(); // a name and its keys explain themselves
    m_list->setAccessibleName(tr("Actions and their keys"));
    m_list->header()->setSectionResizeMode(0, QHeaderView::Stretch);
    m_list->header()->setSectionResizeMode(1, QHeaderView::Interactive); // to measure all of them takes too long
    m_list->header()->resizeSection(1, m_list->fontMetrics().averageCharWidth() * 28);
    m_list->header()->setStretchLastSection(false);
    for (const QAction *action : std::as_const(m_actions)) {
        new QTreeWidgetItem(m_list, {nameOf(action)}); // the list takes it
    }
    m_field->setAccessibleName(tr("Keys of the chosen action"));
    m_notice->setWordWrap(true);
    m_notice->setTextFormat(Qt::PlainText);
    m_notice->setMinimumHeight(m_notice->fontMetrics().height() * 2);
    m_notice->setAlignment(Qt::AlignTop | Qt::AlignLeft);
    auto *row = new QHBoxLayout;
    row->setSpacing(space::kS);
    row->addWidget(m_field, 1);
    row->addWidget(m_clear);
    row->addWidget(m_reset);
    row->addWidget(m_resetAll);
    auto *column = new QVBoxLayout(this);
    column->setContentsMargins(space::kXl, space::kL, space::kXl, space::kL);
    column->setSpacing(space::kM);
    column->addWidget(m_list, 1);
    column->addLayout(row);
    column->addWidget(m_notice);
    connect(m_list, &QTreeWidget::currentItemChanged, this, &ShortcutsPage::showCurrent);
    connect(m_field, &QKeySequenceEdit::keySequenceChanged, this, &ShortcutsPage::assign);
    connect(m_clear, &QPushButton::clicked, this, [this] {
        m_field->clear();
        assign({});
    });
    connect(m_reset, &QPushButton::clicked, this, [this] {
        if (QAction *action = current()) reset(action);
        showCurrent();
        emit changed();
    });
    connect(m_resetAll, &QPushButton::clicked, this, [this] {
        for (QAction *action : std::as_const(m_actions)) reset(action);
        showCurrent();
        emit changed();
    });
    refresh();
    m_list->setCurrentItem(m_list->topLevelItem(0));
}

QAction *ShortcutsPage::current() const { return m_actions.value(m_list->indexOfTopLevelItem(m_list->currentItem())); }

void ShortcutsPage::reset(QAction *action) { action->setShortcuts(standardKeys(action)); }

void ShortcutsPage::refresh() {
    for (int i = 0; i < m_actions.size(); ++i) {
        QTreeWidgetItem *item = m_list->topLevelItem(i);
        QStringList words;
        bool doubled = false;
        for (const QKeySequence &keys : m_actions[i]->shortcuts()) {
            words << keys.toString(QKeySequence::NativeText);
            doubled = doubled || !actionsWith(keys, m_actions, m_actions[i]).isEmpty();
        }
        QFont font = item->font(1);
        font.setBold(m_actions[i]->shortcuts() != standardKeys(m_actions[i]));
        item->setFont(1, font);
        item->setText(1, words.join(tr(" or ")));
        item->setForeground(1, doubled ? QBrush(Theme::of(palette()).danger) : QBrush());
    }
    const QAction *action = current();
    QStringList others;
    for (const QKeySequence &keys : action ? action->shortcuts() : QList<QKeySequence>()) {
        others += actionsWith(keys, m_actions, action);
    }
    m_notice->setText(others.isEmpty()
                          ? tr("Choose an action, then press the keys that it shall have. Changes count at once.")
                          : tr("“%1” has these keys too, so neither of the two works. Give one of them other keys.")
                                .arg(others.join(tr("”, “"))));
    QPalette ink = palette();
    ink.setColor(QPalette::WindowText,
                 others.isEmpty() ? ink.color(QPalette::PlaceholderText) : Theme::of(palette()).danger);
    m_notice->setPalette(ink);
    m_reset->setEnabled(action && action->shortcuts() != standardKeys(action));
    m_clear->setEnabled(action && !action->shortcuts().isEmpty());
}

void ShortcutsPage::showCurrent() {
    m_showing = true;
    const QAction *action = current();
    m_field->setKeySequence(action && !action->shortcuts().isEmpty() ? action->shortcuts().first() : QKeySequence());
    m_showing = false;
    refresh();
}

// New keys replace all that the action had; while they are being pressed, the sequence grows.
void ShortcutsPage::assign(const QKeySequence &keys) {
    QAction *action = current();
    if (m_showing || !action) {
        return;
    }
    action->setShortcuts(keys.isEmpty() ? QList<QKeySequence>() : QList<QKeySequence>{keys});
    refresh();
    emit changed();
}

} // namespace facet::ui
