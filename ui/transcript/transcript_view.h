// The transcript: one scroll area that draws all messages of the open conversation. Only what is in sight is laid out
// exactly, finished blocks are never laid out again at the same width, changes are shown at most once a frame. Text can
// be selected across blocks and messages; each message is one accessible object, each button in it another.
#pragma once

#include "chat/types.h"
#include "ui/transcript/message_item.h"

#include <QAbstractScrollArea>
#include <QElapsedTimer>
#include <QSet>
#include <QTimer>
#include <QUrl>

#include <compare>
#include <functional>
#include <memory>
#include <vector>

class QToolButton;

namespace facet::ui {

class PictureCache;

struct TextPosition {
    int message = 0, item = 0, offset = 0;
    auto operator<=>(const TextPosition &) const = default;
};

// A button of a message by its place: item and index among the item's hot spots.
struct SpotPlace {
    int message = -1, item = -1, spot = -1;
    bool isValid() const { return message >= 0; }
    bool operator==(const SpotPlace &) const = default;
};

class TranscriptView : public QAbstractScrollArea {
    Q_OBJECT
public:
    explicit TranscriptView(PictureCache *pictures, QWidget *parent = nullptr);
    ~TranscriptView() override;

    // Where a stored attachment lies; asked once per message state.
    void setAttachmentPaths(std::function<QString(const chat::Attachment &)> path) {
        m_attachmentPath = std::move(path);
    }

    void setMessages(const QVector<chat::Message> &messages); // another conversation: shown from its end
    void addMessage(const chat::Message &message);
    void changeMessage(int index, const chat::Message &message); // shown with the next frame
    void removeFrom(int firstIndex);
    // Other messages in the place of that one and all after it; the reader's place stays.
    void replaceFrom(int firstIndex, const QVector<chat::Message> &messages);
    void setThinking(int seconds, bool now); // of the message that is being written
    int messageCount() const { return int(m_messages.size()); }
    MessageItem *message(int index);
    void flush(); // show pending changes and lay out all that is in sight now
    bool isSettled() const { return !m_unsettled && m_pending.isEmpty(); } // nothing is left to be laid out or read

    bool isAtEnd() const;
    void scrollToEnd();
    void scrollToMessage(int index);

    bool hasSelection() const { return m_anchor != m_cursor; }
    QString selectedText(bool asMarkdown) const;
    void setSelection(const TextPosition &from, const TextPosition &to);
    void selectAll();
    void clearSelection();
    void copy(bool asMarkdown);
    QString lastAnswer() const;

    // Find in chat: number of matches; the first one at or after the current place is shown.
    // fromMessage >= 0: at or after that message.
    int find(const QString &words, int fromMessage = -1);
    void findNext(int step);
    int currentMatch() const { return m_currentMatch; }
    int matchCount() const { return int(m_matches.size()); }

    // Keyboard and screen readers: the message and the button that have the focus.
    int focusMessage() const { return m_focusMessage; }
    void setFocusMessage(int index);
    QVector<SpotPlace> spotsOf(int message);
    HotSpot spotAt(const SpotPlace &place);
    QRect spotRect(const SpotPlace &place); // viewport coordinates
    SpotPlace focusSpot() const { return m_focusSpot; }
    void activate(const SpotPlace &place);
    QRect messageRect(int index); // viewport coordinates
    QString accessibleNameOf(int index);

    // What is in sight is laid out in steps of about so much (BlockItem::layoutCost); what is still missing comes with the
    // next ones, a frame apart.
    static constexpr qsizetype kLayoutStep = 3000;

    // For tests: frames shown, and the most that one of them, one scroll step or one resize had to read (in characters), to
    // lay out (BlockItem::layoutCost) and to free (items).
    struct Work {
        qsizetype parsed = 0, laidOut = 0, freed = 0;
    };
    int framesApplied() const { return m_framesApplied; }
    Work worstStep() const { return m_worst; }
    int discardedMessages() const { return int(m_discarded.size()); } // that are not freed yet
    QToolButton *jumpButton() const { return m_jumpButton; }
    int columnRight() const { return columnLeft() + columnWidth(); } // viewport coordinates

signals:
    void linkActivated(const QUrl &url);
    void editRequested(int message);
    void regenerateRequested(int message);
    void versionRequested(int message, int version);
    void matchesChanged(); // a long conversation is searched step by step
    void toolDecided(int message, const QString &callId, bool allow);
    void pictureOpened(int message, const QString &path, const QString &name, const QSize &size,
                       const QVector<facet::ui::OverlayMark> &marks);
    void copied(); // something went to the clipboard
    void zoomRequested(int steps);

protected:
    void paintEvent(QPaintEvent *event) override;
    void resizeEvent(QResizeEvent *event) override;
    void showEvent(QShowEvent *event) override;
    void scrollContentsBy(int dx, int dy) override;
    void changeEvent(QEvent *event) override;
    bool viewportEvent(QEvent *event) override;
    void mousePressEvent(QMouseEvent *event) override;
    void mouseMoveEvent(QMouseEvent *event) override;
    void mouseReleaseEvent(QMouseEvent *event) override;
    void mouseDoubleClickEvent(QMouseEvent *event) override;
    void wheelEvent(QWheelEvent *event) override;
    void keyPressEvent(QKeyEvent *event) override;
    void focusInEvent(QFocusEvent *event) override;
    void focusOutEvent(QFocusEvent *event) override;
    void contextMenuEvent(QContextMenuEvent *event) override;
    bool focusNextPrevChild(bool next) override;

private:
    struct Match {
        TextPosition at;
        int length = 0;
    };
    Look look();
    void beginStep();
    void countParsed(qsizetype characters);
    void searchStep();
    void showFirstMatch();
    int columnWidth() const;
    int columnLeft() const;
    MessageSurroundings surroundingsOf(int index) const;
    void applyPending();
    void arrange(); // heights, scroll range, what is in sight laid out, as far as one step goes
    void place(const Look &shown);
    MessageItem::Laid layOutSight(int margin, const Look &shown);
    bool isStepFull() const;
    void rememberPlace();
    int placeTop() const;
    void settle();
    void discard(size_t from);
    void freeSome();
    void updateJumpButton();
    int messageAt(int contentY) const;
    TextPosition positionAt(const QPoint &viewportPosition);
    QRect caretRectOf(const TextPosition &position);
    TextPosition clamped(TextPosition position) const;
    TextPosition moved(const TextPosition &from, int key, bool word);
    QString textOf(const TextPosition &position) const;
    void ensureVisible(const QRect &viewportRect);
    SpotPlace spotUnder(const QPoint &viewportPosition);
    void setHover(const QPoint &viewportPosition);
    void selectUnit(const TextPosition &at, bool paragraph);
    void rebuildMatches(int fromMessage = 0); // those before it are known
    void showMatch();
    void paintMessage(QPainter &painter, int index, const QRect &clip);
    void notifyAccessible(int index);

    PictureCache *m_pictures;
    std::function<QString(const chat::Attachment &)> m_attachmentPath;
    QVector<chat::Message> m_source; // as last given
    std::vector<std::unique_ptr<MessageItem>> m_messages;
    std::vector<int> m_tops; // content coordinates
    int m_contentHeight = 0;
    QSet<int> m_pending;
    std::vector<std::unique_ptr<MessageItem>> m_discarded; // of another conversation; freed a few at a time
    std::shared_ptr<const TextFonts> m_fonts;
    QTimer m_frameTimer, m_settleTimer, m_freeTimer, m_fontTimer, m_animation, m_dragScroll, m_searchTimer;
    Work m_step, m_worst;
    bool m_stick = true, m_arranging = false, m_sameStep = false;
    bool m_unsettled = false; // something in sight is not laid out yet
    int m_placeMessage = 0, m_placeItem = 0, m_placeOffset = 0; // what is at the top edge while not sticking
    int m_thinkingSeconds = 0;
    bool m_thinkingNow = false;

    TextPosition m_anchor, m_cursor;
    bool m_selecting = false, m_pressedOnText = false;
    QPoint m_pressPosition, m_mouse{-1, -1};
    QElapsedTimer m_sinceDoubleClick;
    SpotPlace m_hoverSpot, m_focusSpot, m_pressedSpot;
    int m_hoverMessage = -1, m_focusMessage = -1;
    bool m_keyboardFocus = false;

    QString m_needle;
    QVector<Match> m_matches;
    int m_currentMatch = -1;
    int m_searchedTo = 0, m_searchedItem = 0; // up to where the matches are known
    TextPosition m_searchFrom; // the first match from here on is shown ...
    bool m_searchWaits = false; // ... as soon as it is found
    QToolButton *m_jumpButton;
    int m_framesApplied = 0;
};

// Makes screen readers see messages and buttons inside every TranscriptView; once per program.
void installTranscriptAccessibility();

} // namespace facet::ui
