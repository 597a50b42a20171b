#include "ui/sidebar/conversation_model.h"
#include "ui/widgets/plain_tip.h"

#include <QLocale>

#include <algorithm>
#include <utility>

namespace facet::ui {

QString whenText(const QDateTime &when, const QDateTime &now) {
    const qint64 days = when.date().daysTo(now.date());
    const QLocale locale;
    if (days <= 0) {
        QString format = locale.timeFormat(QLocale::ShortFormat); // some locales' short form has seconds
        return locale.toString(when.time(), format.remove(QStringLiteral(":ss")));
    }
    if (days < 7) return locale.dayName(when.date().dayOfWeek(), QLocale::ShortFormat);
    return when.date().year() == now.date().year() ? locale.toString(when.date(), QStringLiteral("d MMM"))
                                                   : locale.toString(when.date(), QStringLiteral("MMM yyyy"));
}

QString sectionText(const QDateTime &when, const QDateTime &now) {
    const qint64 days = when.date().daysTo(now.date());
    if (days <= 0) return ConversationModel::tr("Today");
    if (days == 1) return ConversationModel::tr("Yesterday");
    return days < 7 ? ConversationModel::tr("Previous 7 days") : ConversationModel::tr("Older");
}

void ConversationModel::setConversations(const QVector<chat::ConversationInfo> &conversations) {
    m_all = conversations;
    refilter();
}

void ConversationModel::setFilter(const QString &words) {
    m_filter = words.simplified();
    refilter();
}

void ConversationModel::refilter() {
    QVector<chat::ConversationInfo> shown;
    const QStringList words = m_filter.split(QLatin1Char(' '), Qt::SkipEmptyParts);
    std::copy_if(m_all.begin(), m_all.end(), std::back_inserter(shown), [&](const chat::ConversationInfo &info) {
        return std::all_of(words.begin(), words.end(),
                           [&](const QString &word) { return info.title.contains(word, Qt::CaseInsensitive); });
    });
    const bool sameRows =
        std::equal(shown.begin(), shown.end(), m_shown.begin(), m_shown.end(),
                   [](const chat::ConversationInfo &a, const chat::ConversationInfo &b) { return a.id == b.id; });
    const QDateTime now = QDateTime::currentDateTime(); // asks the system for the time zone: once is enough
    QStringList sections;
    QString last;
    for (const chat::ConversationInfo &info : std::as_const(shown)) {
        const QString own = sectionText(info.updated, now);
        sections << (own == last ? QString() : own);
        last = own;
    }
    if (sameRows) { // titles and times only: the view keeps its selection and its place
        m_shown = shown;
        m_sections = sections;
        if (!m_shown.isEmpty()) emit dataChanged(index(0), index(int(m_shown.size()) - 1));
        return;
    }
    beginResetModel();
    m_shown = shown;
    m_sections = sections;
    endResetModel();
}

int ConversationModel::rowOf(qint64 id) const {
    const auto it = std::find_if(m_shown.begin(), m_shown.end(),
                                 [id](const chat::ConversationInfo &info) { return info.id == id; });
    return it == m_shown.end() ? -1 : int(it - m_shown.begin());
}

qint64 ConversationModel::idAt(int row) const { return row >= 0 && row < m_shown.size() ? m_shown[row].id : 0; }

int ConversationModel::rowCount(const QModelIndex &parent) const { return parent.isValid() ? 0 : int(m_shown.size()); }

QVariant ConversationModel::data(const QModelIndex &index, int role) const {
    if (!checkIndex(index, CheckIndexOption::IndexIsValid)) {
        return {};
    }
    const chat::ConversationInfo &info = m_shown[index.row()];
    switch (role) {
    case Qt::DisplayRole: return info.title.isEmpty() ? tr("New chat") : info.title;
    case Qt::EditRole: return info.title;
    case Qt::ToolTipRole: return plainTip(info.title);
    case Qt::AccessibleTextRole: return tr("%1, %2").arg(info.title, whenText(info.updated, QDateTime::currentDateTime()));
    case IdRole: return info.id;
    case WhenRole: return whenText(info.updated, QDateTime::currentDateTime());
    case SectionRole: return m_sections.value(index.row());
    default: return {};
    }
}

bool ConversationModel::setData(const QModelIndex &index, const QVariant &value, int role) {
    const QString title = value.toString().simplified();
    if (role != Qt::EditRole || !checkIndex(index, CheckIndexOption::IndexIsValid) || title.isEmpty() ||
        title == m_shown[index.row()].title) {
        return false;
    }
    const qint64 id = m_shown[index.row()].id;
    m_shown[index.row()].title = title;
    emit dataChanged(index, index);
    emit renamed(id, title);
    return true;
}

Qt::ItemFlags ConversationModel::flags(const QModelIndex &index) const {
    return index.isValid() ? Qt::ItemIsEnabled | Qt::ItemIsSelectable | Qt::ItemIsEditable | Qt::ItemNeverHasChildren
                           : Qt::NoItemFlags;
}

} // namespace facet::ui
