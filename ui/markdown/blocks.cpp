#include "ui/markdown/blocks.h"

#include <algorithm>

namespace facet::ui::markdown {

namespace {

QString linesOf(QString text) { return text.replace(QChar::LineSeparator, QLatin1Char('\n')); }

// Longest run of backticks decides the length of the fence around them.
QString fenceFor(const QString &code) {
    int longest = 0, run = 0;
    for (const QChar c : code) {
        run = c == QLatin1Char('`') ? run + 1 : 0;
        longest = std::max(longest, run);
    }
    return QString(std::max(3, longest + 1), QLatin1Char('`'));
}

QString tableRow(const QVector<RichText> &row, bool asMarkdown) {
    QStringList cells;
    for (const RichText &cell : row) {
        QString text = asMarkdown ? markdownText(cell) : linesOf(cell.text);
        if (asMarkdown) {
            text.replace(QLatin1Char('|'), QLatin1String("\\|"));
        }
        cells << text;
    }
    return asMarkdown ? QStringLiteral("| %1 |").arg(cells.join(QLatin1String(" | "))) : cells.join(QLatin1Char('\t'));
}

} // namespace

QString plainText(const Block &block) {
    switch (block.kind) {
    case BlockKind::Rule: return QStringLiteral("---");
    case BlockKind::Table: {
        QStringList rows;
        for (const auto &row : block.rows) {
            rows << tableRow(row, false);
        }
        return rows.join(QLatin1Char('\n'));
    }
    default: break;
    }
    return linesOf(block.text.text);
}

QString markdownText(const RichText &text, int start, int length) {
    const int end = length < 0 ? int(text.text.size()) : std::min(start + length, int(text.text.size()));
    QString out;
    int at = start;
    for (const Span &span : text.spans) {
        const int from = std::max(span.start, start), to = std::min(span.start + span.length, end);
        if (from >= to) {
            continue;
        }
        out += QStringView(text.text).mid(at, from - at);
        QString inner = text.text.mid(from, to - from);
        if (span.style & Code) inner = QStringLiteral("`%1`").arg(inner);
        if (span.style & Italic) inner = QStringLiteral("*%1*").arg(inner);
        if (span.style & Bold) inner = QStringLiteral("**%1**").arg(inner);
        if (span.style & Strike) inner = QStringLiteral("~~%1~~").arg(inner);
        if (!span.link.isEmpty()) inner = QStringLiteral("[%1](%2)").arg(inner, span.link);
        out += inner;
        at = to;
    }
    out += QStringView(text.text).mid(at, end - at);
    return linesOf(out);
}

QString markdownText(const Block &block) {
    const QString quote = QStringLiteral("> ").repeated(block.quote);
    const QString lead =
        quote + QStringLiteral("  ").repeated(std::max(0, block.indent - (block.marker.isEmpty() ? 0 : 1)));
    QString marker = block.marker;
    if (marker == QStringLiteral("•")) marker = QStringLiteral("-");
    if (marker == QStringLiteral("☐")) marker = QStringLiteral("- [ ]");
    if (marker == QStringLiteral("☑")) marker = QStringLiteral("- [x]");
    if (!marker.isEmpty()) marker += QLatin1Char(' ');
    QString body;
    switch (block.kind) {
    case BlockKind::Heading:
        body = QString(block.level, QLatin1Char('#')) + QLatin1Char(' ') + markdownText(block.text);
        break;
    case BlockKind::Rule: body = QStringLiteral("---"); break;
    case BlockKind::Code: {
        const QString fence = fenceFor(block.text.text);
        body = fence + block.language + QLatin1Char('\n') + block.text.text + QLatin1Char('\n') + fence;
        break;
    }
    case BlockKind::Table: {
        QStringList rows;
        for (int i = 0; i < block.rows.size(); ++i) {
            rows << tableRow(block.rows[i], true);
            if (i == 0 && !block.continued) {
                QString line = QStringLiteral("|");
                for (const Align align : block.columns) {
                    line += align == Align::Left    ? QLatin1String(" --- |")
                            : align == Align::Right ? QLatin1String(" ---: |")
                                                    : QLatin1String(" :---: |");
                }
                rows << line;
            }
        }
        body = rows.join(QLatin1Char('\n'));
        break;
    }
    case BlockKind::Paragraph: body = markdownText(block.text); break;
    }
    const QString next = QLatin1Char('\n') + quote + QStringLiteral("  ").repeated(block.indent);
    body.replace(QLatin1Char('\n'), next);
    return lead + marker + body;
}

} // namespace facet::ui::markdown
