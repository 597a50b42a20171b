// Search over the texts of all messages, on the store's thread. All words must occur, as parts of words too and in any
// case: that serves languages without spaces as well, which an index of words does not. It reads every text: some 100 MB
// a second; a newer search makes an older one give up.
#pragma once

#include "chat/types.h"
#include "facet/result.h"

#include <functional>

class QSqlDatabase;

namespace facet::store {

inline constexpr int kMaxSearchHits = 200;

// Newest first; conversations in the bin are left out. `goOn` is asked for every message; the result counts only if it
// said yes to the end.
Result<QVector<chat::SearchHit>> searchMessages(QSqlDatabase &database, const QString &words,
                                                const std::function<bool()> &goOn);

// One line around the first of the words, and where they are in it; no marks if one of them is missing.
void makeExcerpt(const QString &text, const QStringList &words, chat::SearchHit &hit);

} // namespace facet::store
