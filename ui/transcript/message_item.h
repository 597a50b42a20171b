// One message of the transcript as a column of block items: what of it is shown, where, and what of it was laid out.
#pragma once

#include "chat/types.h"
#include "ui/markdown/parser.h"
#include "ui/transcript/block_item.h"
#include "ui/transcript/card_items.h"
#include "ui/transcript/code_item.h"
#include "ui/transcript/text_items.h"

#include <memory>
#include <vector>

namespace facet::ui {

// What lies outside of the message but decides how it is shown.
struct MessageSurroundings {
    QStringList attachmentPaths;  // of its own attachments, same order
    QVector<PictureRef> pictures; // of the user message that it answers
    int thinkingSeconds = 0;      // while it thinks
    bool thinkingNow = false;
};

class MessageItem {
public:
    // Of a text that are read at once: a few milliseconds.
    static constexpr qsizetype kParseStep = 24 << 10;

    // Takes a new state of the message; blocks that did not change keep their layout.
    void setMessage(const chat::Message &message, const MessageSurroundings &surroundings);
    const chat::Message &message() const { return m_message; }
    bool isUser() const { return m_message.role == chat::Role::User; }

    int itemCount() const { return int(m_items.size()); }
    BlockItem *item(int index) const { return m_items[size_t(index)]; }
    QRect itemRect(int index) const; // in the message's coordinates; exact where laid out
    int itemAt(int y) const;         // nearest one

    // What of a message in sight is to be laid out, in its own coordinates.
    struct Sight {
        int top = 0, bottom = 0;
        bool fromBelow = false;   // which end of it comes first
        qsizetype costLimit = -1; // no further item when look.laidOut has come so far; -1: all of them
    };
    struct Laid {
        bool changed = false;    // something was laid out: heights may be others now
        bool unfinished = false; // the limit came first
    };
    int heightFor(int width, const Look &look); // updates the places of all items
    Laid layOut(int width, const Sight &sight, const Look &look);
    void layOutItem(int index, const Look &look);  // one of them, wherever it lies
    bool layOutSpots(int width, const Look &look); // the same for what may have buttons
    void invalidate();
    // Frees some of its items and counts them off; true: none are left. For a message that nobody sees any more.
    bool shed(int &items);

    void toggleThinking();
    bool isThinkingOpen() const { return m_thinkingOpen; }
    void toggleCode();

    void paint(QPainter &painter, const QPoint &origin, int index, const PaintState &state) const;
    void paintGround(QPainter &painter, const QPoint &origin, const Look &look) const; // bubble of a user's message

    // The message as one: for screen readers and the Copy button.
    QString plainText() const;
    const MarkedPictureItem *markedPicture() const { return m_marked.get(); }
    const markdown::StreamingDocument &document() const { return m_body; }
    // False: a long text is still being read; continueReading() takes some more of it.
    bool isWhole() const { return m_whole && (m_thoughtsWhole || !m_thinkingOpen); }
    qsizetype parsedCharacters() const { return m_body.parsedCharacters() + m_thoughts.parsedCharacters(); }
    void continueReading();
    int codeLinesLaidOut() const;

private:
    void rebuildHead(const MessageSurroundings &surroundings);
    void rebuildThoughts();
    void rebuildBody();
    void shapeTables();
    void rebuildTail();
    void collect();
    int innerWidth(int width, bool bubble) const;

    chat::Message m_message;
    MessageSurroundings m_around;
    markdown::StreamingDocument m_body, m_thoughts;
    QVector<markdown::Block> m_plain; // a user's words
    std::vector<std::unique_ptr<BlockItem>> m_head, m_thoughtItems, m_toolItems, m_bodyItems, m_tail;
    std::unique_ptr<MarkedPictureItem> m_marked;
    std::vector<BlockItem *> m_items; // all of them, top to bottom
    std::vector<int> m_tops, m_heights;
    int m_width = 0, m_height = 0, m_left = 0, m_bubbleWidth = 0;
    bool m_placed = false; // m_tops, m_heights and m_height hold for m_width
    int m_bubbleFirst = -1, m_bubbleLast = -1; // items inside the bubble
    bool m_thinkingOpen = false, m_codeOpen = false, m_whole = true, m_thoughtsWhole = true;
};

} // namespace facet::ui
