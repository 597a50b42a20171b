#include "ui/markdown/parser.h"

#include <QCoreApplication>
#include <QUrl>

#include <md4c.h>

#include <algorithm>
#include <utility>

namespace facet::ui::markdown {

namespace {

// A safe target or nothing: what a model writes may not open files, run handlers or hide in an odd scheme.
QString safeLink(const QString &target) {
    const QUrl url(target, QUrl::StrictMode);
    const QString scheme = url.scheme().toLower();
    const bool web = scheme == QLatin1String("http") || scheme == QLatin1String("https");
    return url.isValid() && web && !url.host().isEmpty() && target.size() <= 2048 ? url.toString() : QString();
}

QString entity(const QString &name) {
    if (name.startsWith(QLatin1String("&#"))) {
        const bool hex = name.size() > 3 && name[2].toLower() == QLatin1Char('x');
        bool ok = false;
        const uint code = QStringView(name).mid(hex ? 3 : 2).chopped(1).toUInt(&ok, hex ? 16 : 10);
        const bool scalar = ok && code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
        const char32_t c = scalar ? char32_t(code) : U'\ufffd';
        return QString::fromUcs4(&c, 1);
    }
    static const std::pair<const char *, const char16_t *> kNames[] = {
        {"&amp;", u"&"},         {"&lt;", u"<"},         {"&gt;", u">"},         {"&quot;", u"\""},
        {"&apos;", u"'"},        {"&nbsp;", u"\u00a0"},  {"&copy;", u"\u00a9"},  {"&reg;", u"\u00ae"},
        {"&deg;", u"\u00b0"},    {"&times;", u"\u00d7"}, {"&mdash;", u"\u2014"}, {"&ndash;", u"\u2013"},
        {"&hellip;", u"\u2026"}, {"&rarr;", u"\u2192"},  {"&larr;", u"\u2190"},  {"&bull;", u"\u2022"},
        {"&euro;", u"\u20ac"},   {"&le;", u"\u2264"},    {"&ge;", u"\u2265"},    {"&ne;", u"\u2260"}};
    for (const auto &[key, value] : kNames) {
        if (name == QLatin1String(key)) {
            return QString::fromUtf16(value);
        }
    }
    return name;
}

QString attribute(const MD_ATTRIBUTE &value) {
    return value.text ? QString::fromUtf8(value.text, qsizetype(value.size)) : QString();
}

// Collects md4c's callbacks into blocks. One list or quote adds one to a depth; text goes to the open block or table
// cell.
class Builder {
public:
    QVector<Block> blocks;

    static int enterBlock(MD_BLOCKTYPE type, void *detail, void *self) {
        return static_cast<Builder *>(self)->enter(type, detail);
    }
    static int leaveBlock(MD_BLOCKTYPE type, void *, void *self) { return static_cast<Builder *>(self)->leave(type); }
    static int enterSpan(MD_SPANTYPE type, void *detail, void *self) {
        return static_cast<Builder *>(self)->span(type, detail, true);
    }
    static int leaveSpan(MD_SPANTYPE type, void *detail, void *self) {
        return static_cast<Builder *>(self)->span(type, detail, false);
    }
    static int addText(MD_TEXTTYPE type, const MD_CHAR *text, MD_SIZE size, void *self) {
        static_cast<Builder *>(self)->text(type, QString::fromUtf8(text, qsizetype(size)));
        return 0;
    }

private:
    struct List {
        bool ordered = false, tight = false;
        unsigned next = 1;
        QChar delimiter;
    };

    int enter(MD_BLOCKTYPE type, void *detail) {
        const bool inTable = type == MD_BLOCK_THEAD || type == MD_BLOCK_TBODY || type == MD_BLOCK_TR ||
                             type == MD_BLOCK_TH || type == MD_BLOCK_TD;
        if (!inTable) m_open = false; // the words of a tight item end where a list inside it begins
        switch (type) {
        case MD_BLOCK_QUOTE: ++m_quote; break;
        case MD_BLOCK_UL:
            m_lists.append({false, static_cast<MD_BLOCK_UL_DETAIL *>(detail)->is_tight != 0, 0, {}});
            break;
        case MD_BLOCK_OL: {
            const auto *list = static_cast<MD_BLOCK_OL_DETAIL *>(detail);
            m_lists.append({true, list->is_tight != 0, list->start, QLatin1Char(list->mark_delimiter)});
            break;
        }
        case MD_BLOCK_LI: {
            List &list = m_lists.last();
            const auto *item = static_cast<MD_BLOCK_LI_DETAIL *>(detail);
            m_marker = list.ordered ? QString::number(list.next++) + list.delimiter : QStringLiteral("•");
            if (item->is_task) {
                m_marker = item->task_mark == ' ' ? QStringLiteral("☐") : QStringLiteral("☑");
            }
            m_inItem = true;
            break;
        }
        case MD_BLOCK_HR:
            begin(BlockKind::Rule);
            m_open = false;
            break;
        case MD_BLOCK_H:
            begin(BlockKind::Heading);
            blocks.last().level = int(std::clamp(static_cast<MD_BLOCK_H_DETAIL *>(detail)->level, 1u, 6u));
            break;
        case MD_BLOCK_CODE:
            begin(BlockKind::Code);
            blocks.last().language = attribute(static_cast<MD_BLOCK_CODE_DETAIL *>(detail)->lang).left(32);
            break;
        case MD_BLOCK_P: begin(BlockKind::Paragraph); break;
        case MD_BLOCK_TABLE: begin(BlockKind::Table); break;
        case MD_BLOCK_TR: blocks.last().rows.append(QVector<RichText>()); break;
        case MD_BLOCK_TH:
        case MD_BLOCK_TD: {
            Block &table = blocks.last();
            const auto align = static_cast<MD_BLOCK_TD_DETAIL *>(detail)->align;
            m_cell = table.rows.last().size() < kMaxColumns;
            if (m_cell) {
                table.rows.last().append(RichText());
                if (type == MD_BLOCK_TH) {
                    table.columns.append(align == MD_ALIGN_RIGHT    ? Align::Right
                                         : align == MD_ALIGN_CENTER ? Align::Centre
                                                                    : Align::Left);
                }
            }
            break;
        }
        default: break;
        }
        return 0;
    }

    int leave(MD_BLOCKTYPE type) {
        switch (type) {
        case MD_BLOCK_QUOTE: --m_quote; break;
        case MD_BLOCK_UL:
        case MD_BLOCK_OL:
            m_lists.removeLast();
            m_open = false;
            break;
        case MD_BLOCK_LI:
            if (!m_marker.isEmpty() && !m_open) {
                begin(BlockKind::Paragraph); // an empty item still shows its bullet
            }
            m_marker.clear();
            m_open = false;
            break;
        case MD_BLOCK_CODE:
            if (blocks.last().text.text.endsWith(QLatin1Char('\n'))) {
                blocks.last().text.text.chop(1);
            }
            m_open = false;
            break;
        case MD_BLOCK_TH:
        case MD_BLOCK_TD: m_cell = false; break;
        case MD_BLOCK_H:
        case MD_BLOCK_P:
        case MD_BLOCK_TABLE: m_open = false; break;
        default: break;
        }
        return 0;
    }

    int span(MD_SPANTYPE type, void *detail, bool enters) {
        const auto set = [&](quint8 bit) { m_style = quint8(enters ? m_style | bit : m_style & ~bit); };
        switch (type) {
        case MD_SPAN_EM: m_italic += enters ? 1 : -1; break;
        case MD_SPAN_STRONG: m_bold += enters ? 1 : -1; break;
        case MD_SPAN_CODE: set(Code); break;
        case MD_SPAN_DEL: set(Strike); break;
        case MD_SPAN_A:
            m_link = enters ? safeLink(attribute(static_cast<MD_SPAN_A_DETAIL *>(detail)->href)) : QString();
            break;
        case MD_SPAN_IMG:
            if (enters) {
                text(MD_TEXT_NORMAL, QCoreApplication::translate("Markdown", "[picture: "));
            } else {
                text(MD_TEXT_NORMAL, QStringLiteral("]"));
            }
            break;
        default: break;
        }
        return 0;
    }

    void text(MD_TEXTTYPE type, const QString &piece) {
        QString added = piece;
        switch (type) {
        case MD_TEXT_NULLCHAR: added = QChar(QChar::ReplacementCharacter); break;
        case MD_TEXT_BR:
        case MD_TEXT_SOFTBR: added = QChar(QChar::LineSeparator); break; // what is read off a page keeps its lines
        case MD_TEXT_ENTITY: added = entity(piece); break;
        default: break;
        }
        if (!m_open && !m_cell) {
            begin(BlockKind::Paragraph); // text of a tight list item has no paragraph of its own
        }
        Block &block = blocks.last();
        if (block.kind == BlockKind::Table && !m_cell) {
            return; // a column beyond the limit
        }
        RichText &target = m_cell ? block.rows.last().last() : block.text;
        const quint8 style =
            quint8(m_style | (m_bold > 0 ? Bold : 0) | (m_italic > 0 ? Italic : 0) | (m_link.isEmpty() ? 0 : Link));
        if (style != Plain && block.kind != BlockKind::Code && !added.isEmpty()) {
            const int start = int(target.text.size());
            if (!target.spans.isEmpty() && target.spans.last().style == style && target.spans.last().link == m_link &&
                target.spans.last().start + target.spans.last().length == start) {
                target.spans.last().length += int(added.size());
            } else {
                target.spans.append({start, int(added.size()), style, m_link});
            }
        }
        target.text += added;
    }

    void begin(BlockKind kind) {
        Block block;
        block.kind = kind;
        block.quote = std::min(m_quote, kMaxDepth);
        block.indent = std::min(int(m_lists.size()), kMaxDepth);
        block.marker = m_marker;
        block.tight = !m_lists.isEmpty() && m_lists.last().tight && !blocks.isEmpty() && blocks.last().indent > 0;
        m_marker.clear();
        blocks.append(block);
        m_open = true;
    }

    QVector<List> m_lists;
    QString m_marker, m_link;
    int m_quote = 0, m_bold = 0, m_italic = 0;
    quint8 m_style = Plain;
    bool m_open = false, m_cell = false, m_inItem = false;
};

// Pieces of a paragraph that is split: shaping text takes about a millisecond for each thousand characters, and two or
// three pieces come into view at once.
constexpr qsizetype kPieceLength = 2 << 10;

// Where the text of a block is cut that begins at `from`: at a line break, at a space, or in the midst of a word.
qsizetype paragraphCut(const QString &text, qsizetype from) {
    const qsizetype limit = from + kPieceLength;
    if (text.size() <= limit) {
        return text.size();
    }
    const auto last = [&](QChar c) {
        return QStringView(text).mid(from, kPieceLength + 1).lastIndexOf(c) + from;
    };
    qsizetype cut = last(QChar(QChar::LineSeparator));
    if (cut < from + kPieceLength / 2) cut = last(QLatin1Char(' '));
    if (cut < from + kPieceLength / 2) cut = limit - 1;
    if (text[cut].isHighSurrogate()) --cut;
    return cut + 1;
}

// A paragraph too long to be laid out in one go becomes several.
void appendSplit(QVector<Block> &out, Block block) {
    const bool cuttable = block.kind == BlockKind::Paragraph || block.kind == BlockKind::Heading;
    if (!cuttable || block.text.text.size() <= kMaxParagraphLength) {
        out.append(std::move(block));
        return;
    }
    const RichText whole = std::exchange(block.text, {});
    qsizetype span = 0; // the first one that does not end before the piece
    for (qsizetype from = 0; from < whole.text.size();) {
        const qsizetype to = paragraphCut(whole.text, from);
        Block piece = block;
        piece.text.text = whole.text.mid(from, to - from);
        while (span < whole.spans.size() && whole.spans[span].start + whole.spans[span].length <= from) ++span;
        for (qsizetype i = span; i < whole.spans.size() && whole.spans[i].start < to; ++i) {
            const Span &each = whole.spans[i];
            const qsizetype begin = std::max<qsizetype>(each.start, from);
            const qsizetype end = std::min<qsizetype>(each.start + each.length, to);
            piece.text.spans.append({int(begin - from), int(end - begin), each.style, each.link});
        }
        out.append(std::move(piece));
        block.marker.clear();
        block.tight = true;
        from = to;
    }
}

// A piece that is one fenced block, taken as it stands: md4c would turn the tabs of a Makefile into spaces.
bool parseFence(QStringView chunk, QVector<Block> &out) {
    qsizetype start = 0;
    while (start < chunk.size() && chunk[start] == QLatin1Char('\n')) ++start;
    const QStringView text = chunk.mid(start);
    const QChar mark = text.isEmpty() ? QChar() : text[0];
    qsizetype length = 0;
    while (length < text.size() && text[length] == mark) ++length;
    if ((mark != QLatin1Char('`') && mark != QLatin1Char('~')) || length < 3) {
        return false;
    }
    qsizetype lineEnd = text.indexOf(QLatin1Char('\n'));
    const QStringView info = text.mid(length, (lineEnd < 0 ? text.size() : lineEnd) - length).trimmed();
    if (mark == QLatin1Char('`') && info.contains(QLatin1Char('`'))) {
        return false;
    }
    Block block;
    block.kind = BlockKind::Code;
    const auto words = info.split(QLatin1Char(' '), Qt::SkipEmptyParts);
    block.language = words.isEmpty() ? QString() : words.first().left(32).toString();
    QStringView code = lineEnd < 0 ? QStringView() : text.mid(lineEnd + 1);
    // The closing fence can only be the last line that says something: a piece ends there.
    QStringView rest = code;
    while (rest.endsWith(QLatin1Char('\n')) || rest.endsWith(QLatin1Char('\r'))) rest.chop(1);
    const QStringView last = rest.mid(rest.lastIndexOf(QLatin1Char('\n')) + 1).trimmed();
    const bool closed = last.size() >= length && last.count(mark) == last.size();
    code = closed ? rest.left(rest.lastIndexOf(QLatin1Char('\n')) + 1) : code;
    if (code.endsWith(QLatin1Char('\n'))) code.chop(1);
    block.text.text = code.toString().remove(QLatin1Char('\r'));
    block.text.text.replace(QChar(0), QChar(QChar::ReplacementCharacter));
    out.append(block);
    return true;
}

QVector<Block> parseChunk(QStringView chunk) {
    QVector<Block> fenced;
    if (parseFence(chunk, fenced)) {
        return fenced;
    }
    if (chunk.size() > kMaxChunkLength) {
        return plainBlocks(chunk.toString());
    }
    Builder builder;
    MD_PARSER parser{};
    parser.flags = MD_FLAG_TABLES | MD_FLAG_STRIKETHROUGH | MD_FLAG_TASKLISTS | MD_FLAG_NOHTML |
                   MD_FLAG_PERMISSIVEURLAUTOLINKS | MD_FLAG_NOINDENTEDCODEBLOCKS;
    parser.enter_block = Builder::enterBlock;
    parser.leave_block = Builder::leaveBlock;
    parser.enter_span = Builder::enterSpan;
    parser.leave_span = Builder::leaveSpan;
    parser.text = Builder::addText;
    const QByteArray utf8 = chunk.toUtf8();
    if (md_parse(utf8.constData(), MD_SIZE(utf8.size()), &parser, &builder) != 0) {
        return plainBlocks(chunk.toString()); // out of memory inside the parser: show the text at least
    }
    QVector<Block> out;
    out.reserve(builder.blocks.size());
    for (Block &block : builder.blocks) {
        appendSplit(out, std::move(block));
    }
    return out;
}

QString shortened(const QString &text) {
    return text.left(kMaxTextLength) + QStringLiteral("\n\n") +
           QCoreApplication::translate("Markdown",
                                       "The rest of this message is too long to show; Copy takes all of it.");
}

} // namespace

QVector<Block> parse(const QString &text) {
    StreamingDocument document;
    document.setText(text, true);
    return document.blocks();
}

QVector<Block> plainBlocks(const QString &text) {
    QVector<Block> out;
    QString gathered;
    const auto flush = [&] {
        Block block;
        block.text.text = gathered;
        block.tight = !out.isEmpty();
        appendSplit(out, std::move(block));
        gathered.clear();
    };
    // Some lines together are one block: few enough to be laid out at once, many enough to keep the list short.
    int lines = 0;
    for (const QStringView line : QStringView(text).split(QLatin1Char('\n'))) {
        if (lines > 0) {
            gathered += QChar(QChar::LineSeparator);
        }
        gathered += line;
        if (++lines == 48 || gathered.size() > kMaxParagraphLength / 2) {
            flush();
            lines = 0;
        }
    }
    if (lines > 0 || out.isEmpty()) {
        flush();
    }
    return out;
}

// Rows in the midst of a table are read with its head before them, which then is taken away again.
void StreamingDocument::take(QStringView chunk) {
    ++m_parsedChunks;
    m_parsedCharacters += chunk.size();
    if (m_tableHead.isEmpty()) {
        QVector<Block> blocks = parseChunk(chunk);
        const bool insideLine = m_frozenLength > 0 && m_text[m_frozenLength - 1] != QLatin1Char('\n');
        if (insideLine && !blocks.isEmpty()) blocks.first().tight = true; // more of a line that was cut
        m_blocks += blocks;
        return;
    }
    QVector<Block> blocks = parseChunk(QString(m_tableHead + chunk.toString()));
    if (!blocks.isEmpty() && blocks.first().kind == BlockKind::Table && !blocks.first().rows.isEmpty()) {
        blocks.first().rows.removeFirst();
        blocks.first().continued = true;
        if (blocks.first().rows.isEmpty()) blocks.removeFirst();
    }
    m_blocks += blocks;
}

bool StreamingDocument::setText(const QString &fullText, bool complete, qsizetype budget) {
    const QString text = fullText.size() > kMaxTextLength ? shortened(fullText) : fullText;
    const bool grows = text.size() >= m_frozenLength &&
                       QStringView(text).left(m_frozenLength) == QStringView(m_text).left(m_frozenLength);
    if (!grows) {
        m_frozenLength = 0;
        m_frozenBlocks = 0;
        m_tableHead.clear();
    }
    m_text = text;
    const QVector<Block> before = m_blocks.mid(m_frozenBlocks);
    const int compareFrom = m_frozenBlocks;
    m_blocks.resize(m_frozenBlocks);
    const qsizetype parsedBefore = m_parsedCharacters;
    const auto takeTo = [this](qsizetype end) {
        take(QStringView(m_text).mid(m_frozenLength, end - m_frozenLength));
        m_frozenLength = end;
        m_frozenBlocks = int(m_blocks.size());
    };
    bool spent = false;
    while (true) {
        spent = budget >= 0 && m_parsedCharacters - parsedBefore >= budget;
        if (spent) {
            break;
        }
        const qsizetype end = finishedChunkEnd(m_text, m_frozenLength);
        QString head;
        const QStringView reach = QStringView(m_text).left(end > 0 ? end : m_text.size());
        if (const qsizetype piece = tablePieceEnd(reach, m_frozenLength, !m_tableHead.isEmpty(), head); piece > 0) {
            takeTo(piece);
            if (m_tableHead.isEmpty()) m_tableHead = head;
            continue;
        }
        if (end <= 0) {
            break;
        }
        takeTo(end);
        m_tableHead.clear();
    }
    const QStringView tail = QStringView(m_text).mid(m_frozenLength);
    if (!spent && !tail.trimmed().isEmpty()) {
        if (complete) {
            take(tail);
        } else {
            take(repairTail(tail));
        }
    }
    int same = 0;
    while (same < before.size() && compareFrom + same < m_blocks.size() &&
           before[same] == m_blocks[compareFrom + same]) {
        ++same;
    }
    m_firstChanged = compareFrom + same;
    return !spent;
}

} // namespace facet::ui::markdown
