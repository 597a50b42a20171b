#include "store/history_search.h"

#include "store/history_rows.h"

#include <QSqlQuery>
#include <QVariant>

#include <algorithm>

namespace facet::store {

void makeExcerpt(const QString &text, const QStringList &words, chat::SearchHit &hit) {
    constexpr qsizetype kBefore = 40, kLongestWord = 16, kLongest = 160;
    hit.excerpt.clear();
    hit.marks.clear();
    qsizetype first = text.size();
    for (const QString &word : words) {
        const qsizetype at = text.indexOf(word, 0, Qt::CaseInsensitive);
        if (at < 0) {
            return;
        }
        first = std::min(first, at);
    }
    qsizetype from = std::max<qsizetype>(0, first - kBefore);
    if (from > 0) { // begin with a whole word if there is one
        const qsizetype space = text.indexOf(QLatin1Char(' '), from);
        from = space >= 0 && space < std::min(first, from + kLongestWord) ? space + 1 : from;
        if (text[from].isLowSurrogate()) {
            ++from;
        }
    }
    QString piece = text.mid(from, kLongest).simplified();
    if (!piece.isEmpty() && piece.back().isHighSurrogate()) {
        piece.chop(1);
    }
    hit.excerpt = (from > 0 ? QStringLiteral("…") : QString()) + piece +
                  (from + kLongest < text.size() ? QStringLiteral("…") : QString());
    for (const QString &word : words) {
        for (qsizetype at = hit.excerpt.indexOf(word, 0, Qt::CaseInsensitive); at >= 0;
             at = hit.excerpt.indexOf(word, at + word.size(), Qt::CaseInsensitive)) {
            hit.marks.append({static_cast<int>(at), static_cast<int>(word.size())});
        }
    }
    std::sort(hit.marks.begin(), hit.marks.end());
}

Result<QVector<chat::SearchHit>> searchMessages(QSqlDatabase &database, const QString &words,
                                                const std::function<bool()> &goOn) {
    constexpr auto kAction = "search the conversations";
    QVector<chat::SearchHit> hits;
    const QStringList wanted = words.simplified().split(QLatin1Char(' '), Qt::SkipEmptyParts);
    if (wanted.isEmpty()) {
        return hits;
    }
    QSqlQuery query(database);
    query.setForwardOnly(true);
    if (!query.exec(QStringLiteral("SELECT m.text, m.id, m.conversation, c.title, m.role, m.created FROM messages m "
                                   "JOIN conversations c ON c.id = m.conversation WHERE c.deleted = 0 "
                                   "ORDER BY m.id DESC"))) {
        return sqlError(query.lastError(), kAction);
    }
    while (goOn() && hits.size() < kMaxSearchHits && query.next()) {
        const QString text = query.value(0).toString();
        const bool found = std::all_of(wanted.begin(), wanted.end(), [&text](const QString &word) {
            return text.contains(word, Qt::CaseInsensitive);
        });
        if (!found) {
            continue;
        }
        chat::SearchHit hit;
        hit.message = query.value(1).toLongLong();
        hit.conversation = query.value(2).toLongLong();
        hit.title = query.value(3).toString();
        hit.role = roleOf(query.value(4).toString());
        hit.created = QDateTime::fromMSecsSinceEpoch(query.value(5).toLongLong());
        makeExcerpt(text, wanted, hit);
        hits.append(hit);
    }
    return hits;
}

} // namespace facet::store
