// Markdown as plain values: what the transcript lays out. Lists and quotes are flattened: each paragraph carries its
// own indentation and marker, so that one block is always one rectangle on the screen.
#pragma once

#include <QString>
#include <QVector>

namespace facet::ui::markdown {

enum SpanStyle : quint8 { Plain = 0, Bold = 1, Italic = 2, Code = 4, Strike = 8, Link = 16 };

struct Span {
    int start = 0, length = 0; // UTF-16 units of RichText::text
    quint8 style = Plain;
    QString link; // http or https only
    bool operator==(const Span &) const = default;
};

struct RichText {
    QString text;        // line breaks are U+2028
    QVector<Span> spans; // in order, not overlapping; unlisted text is plain
    bool operator==(const RichText &) const = default;
};

enum class BlockKind : quint8 { Paragraph, Heading, Code, Table, Rule };
enum class Align : quint8 { Left, Centre, Right };

struct Block {
    BlockKind kind = BlockKind::Paragraph;
    int level = 0;                   // Heading: 1..6
    int indent = 0;                  // depth of lists around it
    int quote = 0;                   // depth of quotes around it
    QString marker;                  // first block of a list item: "•", "3.", "☐", "☑"
    bool tight = false;              // belongs close to the block before it (items of a tight list)
    RichText text;                   // Paragraph, Heading; Code: the lines, without spans
    QString language;                // Code
    QVector<Align> columns;          // Table
    QVector<QVector<RichText>> rows; // Table; the first one is the head
    bool continued = false;          // Table: more rows of the table in the block before it, without a head
    bool operator==(const Block &) const = default;
};

// The block as a reader would copy it: as plain words, or as Markdown again.
QString plainText(const Block &block);
QString markdownText(const Block &block);
// Part of a rich text as Markdown; length -1: to its end.
QString markdownText(const RichText &text, int start = 0, int length = -1);

} // namespace facet::ui::markdown
