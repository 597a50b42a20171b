// What is not prose: attachments, the marked picture, tool cards, the fold over thoughts, notices, the line below a
// message.
#pragma once

#include "chat/types.h"
#include "ui/overlay/overlay.h"
#include "ui/transcript/block_item.h"

#include <QTextLayout>

namespace facet::ui {

struct PictureRef {
    QString path, name;
    QSize size;
    bool operator==(const PictureRef &) const = default;
};

// Files of a user's message: pictures as tiles, sound and film as chips; flush with the right edge.
class AttachmentsItem : public BlockItem {
public:
    AttachmentsItem(QVector<chat::Attachment> attachments, QStringList paths);
    const QVector<chat::Attachment> &attachments() const { return m_attachments; }
    void paint(QPainter &painter, const QPoint &origin, const PaintState &state) const override;
    QVector<HotSpot> hotSpots() const override;
    QString toolTipAt(const QPoint &position) const override;

protected:
    int doLayout(int width, const Look &look) override;
    int estimate(int width, const Look &look) const override;

private:
    QVector<QRect> places(int width, int *height) const;
    QVector<chat::Attachment> m_attachments;
    QStringList m_paths;
    QVector<QRect> m_places;
};

// The picture an answer speaks of with the answer's boxes and points over it; grows while the answer streams.
class MarkedPictureItem : public BlockItem {
public:
    MarkedPictureItem(PictureRef picture, QVector<OverlayMark> marks);
    bool update(const PictureRef &picture, const QVector<OverlayMark> &marks); // false: another picture
    const QVector<OverlayMark> &marks() const { return m_marks; }
    const PictureRef &picture() const { return m_picture; }
    QRect pictureRect() const { return m_place; }
    void paint(QPainter &painter, const QPoint &origin, const PaintState &state) const override;
    QVector<HotSpot> hotSpots() const override;
    QString toolTipAt(const QPoint &position) const override;

protected:
    int doLayout(int width, const Look &look) override;
    int estimate(int width, const Look &look) const override;

private:
    QRect placeFor(int width) const;
    PictureRef m_picture;
    QVector<OverlayMark> m_marks;
    QRect m_place;
    QFont m_small;
    mutable bool m_shown = false; // the picture was there when it was painted last
};

class ThinkingItem : public BlockItem {
public:
    ThinkingItem(bool open, bool running, int seconds);
    void paint(QPainter &painter, const QPoint &origin, const PaintState &state) const override;
    QVector<HotSpot> hotSpots() const override;
    QString label() const;

protected:
    int doLayout(int width, const Look &look) override;
    int estimate(int width, const Look &look) const override;

private:
    bool m_open, m_running;
    int m_seconds;
    int m_labelWidth = 0;
};

class ToolItem : public BlockItem {
public:
    explicit ToolItem(chat::ToolUse use);
    void paint(QPainter &painter, const QPoint &origin, const PaintState &state) const override;
    QVector<HotSpot> hotSpots() const override;
    QString text() const override { return m_use.result; }
    QString copied(int from, int to, bool asMarkdown) const override;
    QRect caretRect(int offset) const override;
    const chat::ToolUse &use() const { return m_use; }

protected:
    int doLayout(int width, const Look &look) override;
    int estimate(int width, const Look &look) const override;

private:
    chat::ToolUse m_use;
    QString m_arguments, m_result;
    QTextLayout m_argumentsLayout, m_resultLayout;
    int m_argumentsTop = 0, m_resultTop = 0, m_buttonsTop = 0;
    QFont m_small;
};

class NoticeItem : public BlockItem {
public:
    explicit NoticeItem(QString sentence, bool problem);
    void paint(QPainter &painter, const QPoint &origin, const PaintState &state) const override;
    QString text() const override { return m_sentence; }
    QRect caretRect(int) const override { return {0, 0, 1, m_height}; }

protected:
    int doLayout(int width, const Look &look) override;
    int estimate(int width, const Look &look) const override;

private:
    QString m_sentence;
    bool m_problem;
    QTextLayout m_layout;
};

// Three dots until the first word arrives.
class WaitingItem : public BlockItem {
public:
    void paint(QPainter &painter, const QPoint &origin, const PaintState &state) const override;

protected:
    int doLayout(int, const Look &) override { return 24; }
    int estimate(int, const Look &) const override { return 24; }
};

// Details on the left, quiet buttons beside them.
class FooterItem : public BlockItem {
public:
    // version of versionCount (0: there are no others)
    FooterItem(bool user, bool finished, QString details, int version, int versionCount);
    void paint(QPainter &painter, const QPoint &origin, const PaintState &state) const override;
    QVector<HotSpot> hotSpots() const override;

protected:
    int doLayout(int width, const Look &look) override;
    int estimate(int, const Look &) const override { return 30; }

private:
    QString versionWords() const;
    bool m_user, m_finished;
    QString m_details;
    int m_version, m_versionCount;
    int m_buttonsLeft = 0, m_versionsLeft = 0, m_versionsWidth = 0; // width: of the words between the arrows
};

} // namespace facet::ui
