// Where a growing text may be cut, and how its open end is made whole: the streaming half of parser.h.
#include "ui/markdown/parser.h"

#include <algorithm>

namespace facet::ui::markdown {

namespace {

struct Line {
    QStringView text; // without the line break
    qsizetype start = 0, next = 0;
    bool complete = false; // ends with a line break
    int indent = 0;
    QStringView body; // after the indentation

    bool blank() const { return body.isEmpty(); }
};

Line lineAt(QStringView text, qsizetype start) {
    Line line;
    line.start = start;
    const qsizetype end = text.indexOf(QLatin1Char('\n'), start);
    line.complete = end >= 0;
    line.next = line.complete ? end + 1 : text.size();
    line.text = text.mid(start, (line.complete ? end : text.size()) - start);
    if (line.text.endsWith(QLatin1Char('\r'))) line.text.chop(1);
    qsizetype i = 0;
    while (i < line.text.size() && (line.text[i] == QLatin1Char(' ') || line.text[i] == QLatin1Char('\t'))) {
        line.indent += line.text[i] == QLatin1Char('\t') ? 4 - line.indent % 4 : 1;
        ++i;
    }
    line.body = line.text.mid(i);
    return line;
}

// Length of the fence mark that opens here, 0: none. An info string after backticks may hold no backtick.
int fenceLength(QStringView body) {
    if (body.isEmpty() || (body[0] != QLatin1Char('`') && body[0] != QLatin1Char('~'))) {
        return 0;
    }
    qsizetype n = 0;
    while (n < body.size() && body[n] == body[0]) ++n;
    if (n < 3 || (body[0] == QLatin1Char('`') && body.mid(n).contains(QLatin1Char('`')))) {
        return 0;
    }
    return int(n);
}

bool closesFence(QStringView body, QChar mark, int length) {
    qsizetype n = 0;
    while (n < body.size() && body[n] == mark) ++n;
    return n >= length && body.mid(n).trimmed().isEmpty();
}

bool isHeading(QStringView body) {
    qsizetype n = 0;
    while (n < body.size() && body[n] == QLatin1Char('#')) ++n;
    return n >= 1 && n <= 6 && (n == body.size() || body[n] == QLatin1Char(' ') || body[n] == QLatin1Char('\t'));
}

bool isListItem(QStringView body) {
    if (body.isEmpty()) {
        return false;
    }
    qsizetype n = 0;
    if (QStringView(u"-*+").contains(body[0])) {
        n = 1;
    } else {
        while (n < body.size() && n < 9 && body[n] >= QLatin1Char('0') && body[n] <= QLatin1Char('9')) ++n;
        if (n == 0 || n >= body.size() || (body[n] != QLatin1Char('.') && body[n] != QLatin1Char(')'))) {
            return false;
        }
        ++n;
    }
    return n == body.size() || body[n] == QLatin1Char(' ') || body[n] == QLatin1Char('\t');
}

// A line that is still being written may turn into something else while it begins like this.
bool undecided(const Line &line) {
    return !line.complete && !line.body.isEmpty() &&
           (QStringView(u"-*+`~#").contains(line.body[0]) || line.body[0].isDigit());
}

bool isTooLong(const Line &line) { return line.text.size() > kMaxLineLength; }

// Where a line that is too long to be read at once is cut: before a word, so that the rest does not begin like a list
// or a heading. What comes later decides nothing, so a growing line is cut the same way.
qsizetype longLineCut(QStringView text, qsizetype start) {
    for (qsizetype at = start + kMaxLineLength; at > start + kMaxLineLength / 2; --at) {
        if (text[at - 1] == QLatin1Char(' ') && text[at].isLetter()) {
            return at;
        }
    }
    const qsizetype cut = start + kMaxLineLength;
    return text[cut].isLowSurrogate() ? cut - 1 : cut;
}

qsizetype fencedChunkEnd(QStringView text, const Line &opening) {
    const QChar mark = opening.body[0];
    const int length = fenceLength(opening.body);
    for (qsizetype at = opening.next; at < text.size();) {
        const Line line = lineAt(text, at);
        if (line.complete && line.indent <= 3 && closesFence(line.body, mark, length)) {
            return line.next;
        }
        at = line.next;
    }
    return -1;
}

} // namespace

qsizetype finishedChunkEnd(QStringView text, qsizetype start) {
    qsizetype at = start;
    Line line;
    do { // blank lines belong to what follows them
        if (at >= text.size()) {
            return -1;
        }
        line = lineAt(text, at);
        at = line.next;
    } while (line.blank());
    const bool fence = line.indent <= 3 && fenceLength(line.body) > 0;
    if (!fence && isTooLong(line)) {
        return longLineCut(text, line.start);
    }
    if (!line.complete) {
        return -1;
    }
    if (fence) {
        return fencedChunkEnd(text, line);
    }
    if (line.indent <= 3 && isHeading(line.body)) {
        return line.next;
    }
    bool list = isListItem(line.body), afterBlank = false, inFence = false;
    QChar fenceMark;
    int fenceSize = 0;
    while (at < text.size()) {
        line = lineAt(text, at);
        if (inFence) {
            inFence = !closesFence(line.body, fenceMark, fenceSize);
        } else if (line.blank()) {
            afterBlank = afterBlank || line.complete;
        } else {
            if (isTooLong(line)) {
                return line.start;
            }
            if (undecided(line)) {
                return -1;
            }
            const bool outside = list ? line.indent <= 1 : line.indent <= 3;
            if (outside && (fenceLength(line.body) > 0 || isHeading(line.body))) {
                return line.start;
            }
            const bool item = isListItem(line.body);
            if (afterBlank && (!list || (line.indent <= 1 && !item))) {
                return line.start;
            }
            list = list || item;
            afterBlank = false;
            if (list && fenceLength(line.body) > 0) {
                inFence = true;
                fenceMark = line.body[0];
                fenceSize = fenceLength(line.body);
            }
        }
        at = line.next;
    }
    return -1;
}

namespace {

bool isDelimiterRow(QStringView body) {
    return body.startsWith(QLatin1Char('|')) && body.contains(QLatin1Char('-')) &&
           std::all_of(body.begin(), body.end(), [](QChar c) { return QStringView(u"|:- ").contains(c); });
}

// A row that can only be one: what does not begin with a pipe may begin another block.
bool isTableRow(const Line &line) {
    return line.complete && line.indent <= 3 && line.body.startsWith(QLatin1Char('|'));
}

} // namespace

qsizetype tablePieceEnd(QStringView text, qsizetype start, bool inside, QString &head) {
    Line line = lineAt(text, start);
    while (!inside && line.complete && line.blank() && line.next < text.size()) line = lineAt(text, line.next);
    if (!isTableRow(line)) {
        return -1;
    }
    const auto columns = std::clamp<qsizetype>(line.body.count(QLatin1Char('|')) - 1, 1, kMaxColumns);
    qsizetype rows = std::max<qsizetype>(8, kTablePieceCells / columns);
    if (!inside) {
        const Line delimiter = lineAt(text, line.next);
        if (!delimiter.complete || !isDelimiterRow(delimiter.body)) {
            return -1;
        }
        head = text.mid(line.start, delimiter.next - line.start).toString();
        line = lineAt(text, delimiter.next);
    }
    bool full = false; // enough for one block
    for (; !full && isTableRow(line); --rows, full = rows <= 0 || line.start - start > kMaxTablePieceLength) {
        if (line.next >= text.size()) {
            return -1;
        }
        line = lineAt(text, line.next);
    }
    // Another row follows, so that the rest is still read as a part of the table.
    return full && isTableRow(line) ? line.start : -1;
}

namespace {

// Head of a table whose dashes are not written yet: give it some, or it reads as a paragraph of pipes for a moment.
QString withDelimiterRow(QStringView tail) {
    const Line head = lineAt(tail, 0);
    if (!head.complete || !head.body.startsWith(QLatin1Char('|'))) {
        return {};
    }
    const Line second = lineAt(tail, head.next);
    if (second.complete || second.text.trimmed().isEmpty() != (second.start >= tail.size())) {
        return {};
    }
    for (const QChar c : second.body) {
        if (!QStringView(u"|:- ").contains(c)) {
            return {};
        }
    }
    QStringView cells = head.body.trimmed();
    if (cells.endsWith(QLatin1Char('|'))) cells.chop(1);
    const auto columns = std::clamp<qsizetype>(cells.count(QLatin1Char('|')), 1, kMaxColumns);
    return tail.left(head.next).toString() + QStringLiteral("|---").repeated(columns) + QLatin1Char('|');
}

// Closes `code` and **bold** that the last paragraph has opened, and drops marks that have nothing behind them yet.
QString withClosedSpans(QString text) {
    const qsizetype from = text.lastIndexOf(QLatin1String("\n\n")) + 1;
    int strong = 0;
    bool code = false;
    for (qsizetype i = from; i < text.size(); ++i) {
        const QChar c = text[i];
        if (c == QLatin1Char('\\')) {
            ++i;
        } else if (c == QLatin1Char('`')) {
            code = !code;
        } else if (!code && c == QLatin1Char('*') && i + 1 < text.size() && text[i + 1] == QLatin1Char('*')) {
            ++strong;
            ++i;
        }
    }
    if (code) {
        if (text.endsWith(QLatin1Char('`'))) {
            text.chop(1);
            return text;
        }
        return text + QLatin1Char('`');
    }
    if (strong % 2 != 0) {
        if (text.endsWith(QLatin1String("**"))) {
            text.chop(2);
            return text;
        }
        if (text.endsWith(QLatin1Char('*'))) text.chop(1);
        while (text.endsWith(QLatin1Char(' '))) text.chop(1);
        return text + QLatin1String("**");
    }
    return text;
}

} // namespace

QString repairTail(QStringView tail) {
    qsizetype at = 0;
    bool inFence = false;
    QChar mark;
    int length = 0;
    Line line;
    while (at < tail.size()) {
        line = lineAt(tail, at);
        if (inFence) {
            inFence = !closesFence(line.body, mark, length);
        } else if (const int n = fenceLength(line.body)) {
            inFence = true;
            mark = line.body[0];
            length = n;
        }
        at = line.next;
    }
    // A fence mark that is not written out yet would flicker as text.
    const bool onlyTicks = !line.complete && !line.body.isEmpty() && line.body.size() < 3 &&
                           line.body.count(QLatin1Char('`')) == line.body.size();
    if (onlyTicks) {
        return tail.left(line.start).toString();
    }
    if (inFence) {
        return tail.toString(); // an open fence reads as code up to its end
    }
    if (const QString table = withDelimiterRow(tail); !table.isEmpty()) {
        return table;
    }
    return withClosedSpans(tail.toString());
}

} // namespace facet::ui::markdown
