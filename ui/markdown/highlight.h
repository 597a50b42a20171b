// Colours for code: words, strings, comments and numbers of the common languages, one line at a time. Meant to help the
// eye, not to be a grammar; an unknown language gets strings, numbers and nothing wrong.
#pragma once

#include <QString>
#include <QVector>

namespace facet::ui::markdown {

enum class Token : quint8 { Keyword, String, Comment, Number, Name };

struct TokenSpan {
    int start = 0, length = 0;
    Token token = Token::Keyword;
    bool operator==(const TokenSpan &) const = default;
};

// State carried from one line to the next: inside a block comment or a triple-quoted string.
enum class LineState : quint8 { Normal, BlockComment, TripleDouble, TripleSingle };

// language as written behind the fence; `state` is read and set for the following line.
QVector<TokenSpan> highlightLine(const QString &language, QStringView line, LineState &state);

} // namespace facet::ui::markdown
