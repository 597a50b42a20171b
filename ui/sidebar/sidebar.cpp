#include "ui/sidebar/sidebar.h"

#include "ui/sidebar/conversation_model.h"
#include "ui/sidebar/hit_list.h"
#include "ui/theme/facet_style.h"
#include "ui/theme/icons.h"
#include "ui/theme/theme.h"

#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QListView>
#include <QMenu>
#include <QPaintEvent>
#include <QPainter>
#include <QPushButton>
#include <QStyledItemDelegate>
#include <QVBoxLayout>

#include <algorithm>

namespace facet::ui {

namespace {

constexpr int kRow = 38, kSection = 30;

// A title and, above the first of each stretch of time, that stretch's name.
class ConversationDelegate : public QStyledItemDelegate {
public:
    using QStyledItemDelegate::QStyledItemDelegate;

    QSize sizeHint(const QStyleOptionViewItem &, const QModelIndex &index) const override {
        return {100, kRow + sectionHeight(index)};
    }

    void paint(QPainter *painter, const QStyleOptionViewItem &option, const QModelIndex &index) const override {
        const Theme &theme = Theme::of(option.palette);
        const int above = sectionHeight(index);
        painter->save();
        painter->setRenderHint(QPainter::Antialiasing);
        if (above > 0) {
            painter->setFont(type::strong(type::caption(option.font)));
            painter->setPen(theme.faint);
            painter->drawText(
                QRect(option.rect.x() + space::kM, option.rect.y() + 6, option.rect.width() - 20, above - 8),
                Qt::AlignBottom | Qt::AlignLeft, index.data(ConversationModel::SectionRole).toString());
        }
        const QRect row = option.rect.adjusted(0, above, 0, 0);
        const bool selected = option.state & QStyle::State_Selected, hover = option.state & QStyle::State_MouseOver;
        if (selected || hover) {
            painter->setPen(selected && theme.scheme == Scheme::HighContrast ? QPen(theme.accent, 2) : QPen(Qt::NoPen));
            painter->setBrush(selected ? theme.accentSoft : theme.hover);
            painter->drawRoundedRect(QRectF(row).adjusted(2, 1, -2, -1), 8, 8);
        }
        if ((option.state & QStyle::State_HasFocus) && (option.state & QStyle::State_KeyboardFocusChange)) {
            painter->setPen(QPen(theme.accent, 2));
            painter->setBrush(Qt::NoBrush);
            painter->drawRoundedRect(QRectF(row).adjusted(3, 2, -3, -2), 8, 8);
        }
        const QString when = index.data(ConversationModel::WhenRole).toString();
        painter->setFont(type::caption(option.font));
        const int whenWidth = painter->fontMetrics().horizontalAdvance(when);
        painter->setPen(theme.faint);
        painter->drawText(row.adjusted(0, 0, -space::kM, 0), Qt::AlignVCenter | Qt::AlignRight, when);
        painter->setFont(selected ? type::strong(option.font) : option.font);
        painter->setPen(theme.text);
        const QRect words = row.adjusted(space::kM, 0, -space::kM - whenWidth - 8, 0);
        painter->drawText(
            words, Qt::AlignVCenter | Qt::AlignLeft,
            painter->fontMetrics().elidedText(index.data(Qt::DisplayRole).toString(), Qt::ElideRight, words.width()));
        painter->restore();
    }

    void updateEditorGeometry(QWidget *editor, const QStyleOptionViewItem &option,
                              const QModelIndex &index) const override {
        editor->setGeometry(option.rect.adjusted(4, sectionHeight(index) + 2, -4, -2));
    }

private:
    static int sectionHeight(const QModelIndex &index) {
        return index.data(ConversationModel::SectionRole).toString().isEmpty() ? 0 : kSection;
    }
};

} // namespace

Sidebar::Sidebar(QWidget *parent) : QWidget(parent), m_model(new ConversationModel(this)), m_list(new QListView(this)) {
    setMinimumWidth(200);
    m_new = new QPushButton(icon(QStringLiteral("new-chat")), tr("&New chat"), this);
    m_new->setToolTip(tr("Begin a new chat (Ctrl+N)"));
    m_search = new QLineEdit(this);
    m_search->setPlaceholderText(tr("Search all chats"));
    m_search->setAccessibleName(tr("Search all chats"));
    m_search->setClearButtonEnabled(true);
    m_search->addAction(icon(QStringLiteral("search"), Tint::Muted), QLineEdit::LeadingPosition);
    m_list->setModel(m_model);
    m_list->setItemDelegate(new ConversationDelegate(m_list));
    m_list->setFrameShape(QFrame::NoFrame);
    m_list->setAccessibleName(tr("Chats"));
    m_list->setEditTriggers(QAbstractItemView::EditKeyPressed);
    m_list->setContextMenuPolicy(Qt::CustomContextMenu);
    m_list->setMouseTracking(true);
    m_list->setLayoutMode(QListView::Batched); // years of chats: the first ones at once, the others in the background
    m_list->setBatchSize(200);
    m_list->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
    m_list->viewport()->setAutoFillBackground(false);
    m_list->installEventFilter(this);
    m_nothing = new QLabel(tr("No chats yet"), this);
    m_nothing->setAlignment(Qt::AlignCenter);
    m_nothing->setForegroundRole(QPalette::PlaceholderText);
    auto *column = new QVBoxLayout(this);
    column->setContentsMargins(space::kM, space::kM, space::kS, space::kS);
    column->setSpacing(space::kS);
    column->addWidget(m_new);
    column->addWidget(m_search);
    column->addWidget(m_nothing);
    column->addWidget(m_list, 1);
    m_hitsTitle = new QLabel(this);
    m_hitsTitle->setForegroundRole(QPalette::PlaceholderText);
    m_hitsTitle->setIndent(space::kM);
    m_hits = new HitList(this);
    column->addWidget(m_hitsTitle);
    column->addWidget(m_hits, 2);
    m_hitsTitle->hide();
    m_hits->hide();
    m_searchDelay.setSingleShot(true);
    m_searchDelay.setInterval(150); // a word is typed faster than a long history is read
    connect(&m_searchDelay, &QTimer::timeout, this, [this] { emit searchRequested(m_search->text()); });
    connect(m_hits, &HitList::chosen, this,
            [this](qint64 conversation, qint64 message) { emit hitChosen(conversation, message, m_search->text()); });

    connect(m_new, &QPushButton::clicked, this, &Sidebar::newRequested);
    connect(m_search, &QLineEdit::textChanged, this, [this](const QString &words) {
        m_updating = true;
        m_model->setFilter(words);
        m_updating = false;
        m_searching = !words.trimmed().isEmpty();
        if (m_searching) {
            m_searchDelay.start();
        } else {
            m_searchDelay.stop();
            m_hits->setHits({});
        }
        showFound();
        selectCurrent();
    });
    connect(m_search, &QLineEdit::returnPressed, this, [this] {
        if (m_model->rowCount() > 0) {
            emit opened(m_model->idAt(0));
        } else if (!m_hits->hits().isEmpty()) {
            emit hitChosen(m_hits->hits().first().conversation, m_hits->hits().first().message, m_search->text());
        }
    });
    connect(m_list->selectionModel(), &QItemSelectionModel::currentChanged, this, [this](const QModelIndex &index) {
        if (!m_updating && index.isValid()) emit opened(m_model->idAt(index.row()));
    });
    connect(m_model, &ConversationModel::renamed, this, &Sidebar::renamed);
    connect(m_list, &QListView::customContextMenuRequested, this, &Sidebar::showMenu);
}

void Sidebar::setConversations(const QVector<chat::ConversationInfo> &conversations, qint64 current) {
    m_current = current;
    m_updating = true;
    m_model->setConversations(conversations);
    m_updating = false;
    showFound();
    selectCurrent();
}

void Sidebar::setHits(const QString &words, const QVector<chat::SearchHit> &hits) {
    if (words != m_search->text()) {
        return;
    }
    m_searching = false;
    m_hits->setHits(hits);
    showFound();
}

// Titles above, messages below; whichever has nothing leaves its room to the other.
void Sidebar::showFound() {
    const bool search = !m_search->text().trimmed().isEmpty();
    const bool hits = search && !m_hits->hits().isEmpty();
    const bool titles = m_model->rowCount() > 0;
    m_list->setVisible(titles || !hits);
    int height = 4; // of the titles; above messages they take what they need, up to a third
    for (int row = 0; row < m_model->rowCount() && height < this->height() / 3; ++row) {
        height += m_list->sizeHintForRow(row);
    }
    m_list->setMaximumHeight(hits && titles ? std::min(height, std::max(kRow + kSection, this->height() / 3))
                                            : QWIDGETSIZE_MAX);
    m_hits->setVisible(hits);
    m_hitsTitle->setVisible(hits);
    m_hitsTitle->setFont(type::strong(type::caption(font())));
    m_hitsTitle->setText(m_hits->hits().size() == 1 ? tr("In 1 message")
                                                    : tr("In %1 messages").arg(m_hits->hits().size()));
    m_nothing->setText(!search ? tr("No chats yet") : m_searching ? tr("Searching …") : tr("Nothing found"));
    m_nothing->setVisible(!titles && !hits);
}

void Sidebar::selectCurrent() {
    m_updating = true;
    const int row = m_model->rowOf(m_current);
    if (row >= 0) {
        m_list->setCurrentIndex(m_model->index(row));
    } else {
        m_list->setCurrentIndex({});
        m_list->clearSelection();
    }
    m_updating = false;
}

void Sidebar::renameCurrent() {
    if (m_list->currentIndex().isValid()) {
        m_list->setFocus();
        m_list->edit(m_list->currentIndex());
    }
}

void Sidebar::deleteCurrent() {
    if (m_list->currentIndex().isValid()) emit deleteRequested(m_model->idAt(m_list->currentIndex().row()));
}

void Sidebar::showMenu(const QPoint &at) {
    const QModelIndex index = m_list->indexAt(at);
    if (!index.isValid()) {
        return;
    }
    QMenu menu(this);
    menu.addAction(icon(QStringLiteral("edit")), tr("&Rename"), this, [this, index] { m_list->edit(index); });
    menu.addAction(icon(QStringLiteral("trash")), tr("&Delete"), this,
                   [this, index] { emit deleteRequested(m_model->idAt(index.row())); });
    menu.exec(m_list->viewport()->mapToGlobal(at));
}

bool Sidebar::eventFilter(QObject *watched, QEvent *event) {
    if (watched == m_list && event->type() == QEvent::KeyPress &&
        static_cast<QKeyEvent *>(event)->key() == Qt::Key_Delete) {
        deleteCurrent();
        return true;
    }
    return QWidget::eventFilter(watched, event);
}

void Sidebar::paintEvent(QPaintEvent *event) { QPainter(this).fillRect(event->rect(), Theme::of(palette()).window); }

} // namespace facet::ui
