// Markdown text -> blocks, over md4c. HTML stays text, pictures from elsewhere become their description, links other
// than http(s) lose their target. StreamingDocument does the same for text that still grows: what is finished is parsed
// once.
//
//     StreamingDocument document;
//     document.setText(message.text, /*complete=*/false);
//     relayoutFrom(document.firstChanged());
#pragma once

#include "ui/markdown/blocks.h"

#include <QStringView>

namespace facet::ui::markdown {

constexpr qsizetype kMaxTextLength = 4 << 20;    // UTF-16 units of one message; the rest is cut with a note
constexpr qsizetype kMaxChunkLength = 512 << 10; // one piece between blank lines; longer ones are shown as they are
constexpr int kMaxParagraphLength = 4 << 10;     // longer paragraphs are split, so that each is laid out quickly
constexpr qsizetype kMaxLineLength = 16 << 10;   // longer lines are read in pieces, each a chunk of its own
constexpr int kMaxColumns = 64;
constexpr qsizetype kMaxTablePieceLength = 24 << 10; // characters of a table in one block
constexpr int kTablePieceCells = 96; // of a long table in one block
constexpr int kMaxDepth = 8; // of lists and quotes; deeper ones are drawn at this depth

// A whole text at once; the result is the same as that of a document that got it in pieces.
QVector<Block> parse(const QString &text);
// What a user typed: line by line, nothing interpreted.
QVector<Block> plainBlocks(const QString &text);

// End of the piece that starts at `start` when nothing that may still follow can change how it reads; -1: still open.
qsizetype finishedChunkEnd(QStringView text, qsizetype start);
// A long table comes in pieces of some rows. End of the piece that starts at `start`, or -1 if what is there is short
// enough for one. `inside`: the text before `start` is a piece of the table; if not, `head` becomes its first two lines.
qsizetype tablePieceEnd(QStringView text, qsizetype start, bool inside, QString &head);
// The open piece of a growing text with half-written fences, tables and emphasis made whole.
QString repairTail(QStringView tail);

class StreamingDocument {
public:
    // Parses about `budget` characters at most (-1: all) and says whether that was all; if not, call it again with the
    // same text to go on.
    bool setText(const QString &text, bool complete, qsizetype budget = -1);

    const QVector<Block> &blocks() const { return m_blocks; }
    int firstChanged() const { return m_firstChanged; } // index of the first block that differs since the last setText
    int frozenBlocks() const { return m_frozenBlocks; }
    int parsedChunks() const { return m_parsedChunks; } // pieces handed to the parser so far, for tests
    qsizetype parsedCharacters() const { return m_parsedCharacters; }

private:
    void take(QStringView chunk);

    QString m_text;
    QString m_tableHead; // first two lines of the table in the midst of which the frozen text ends
    QVector<Block> m_blocks;
    qsizetype m_frozenLength = 0;
    int m_frozenBlocks = 0, m_firstChanged = 0, m_parsedChunks = 0;
    qsizetype m_parsedCharacters = 0;
};

} // namespace facet::ui::markdown
