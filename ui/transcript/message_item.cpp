#include "ui/transcript/message_item.h"

#include "ui/transcript/words.h"

#include <algorithm>

namespace facet::ui {

namespace {

constexpr int kPadTop = 8, kPadBottom = 4;
constexpr int kBubbleX = 16, kBubbleY = 11;

bool sameAttachments(const QVector<chat::Attachment> &a, const QVector<chat::Attachment> &b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const chat::Attachment &x, const chat::Attachment &y) {
        return x.hash == y.hash && x.name == y.name && x.width == y.width && x.height == y.height &&
               x.tokens == y.tokens;
    });
}

bool sameTools(const QVector<chat::ToolUse> &a, const QVector<chat::ToolUse> &b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const chat::ToolUse &x, const chat::ToolUse &y) {
        return x.callId == y.callId && x.tool == y.tool && x.argumentsJson == y.argumentsJson && x.state == y.state &&
               x.result == y.result;
    });
}

bool holdsMarks(const markdown::Block &block) {
    return block.kind == markdown::BlockKind::Code &&
           (block.text.text.contains(QLatin1String("box")) || block.text.text.contains(QLatin1String("point")));
}

std::unique_ptr<BlockItem> makeItem(const markdown::Block &block, TextItem::Tone tone) {
    switch (block.kind) {
    case markdown::BlockKind::Code: return std::make_unique<CodeItem>(block);
    case markdown::BlockKind::Table: return std::make_unique<TableItem>(block);
    case markdown::BlockKind::Rule: return std::make_unique<RuleItem>();
    default: return std::make_unique<TextItem>(block, tone);
    }
}

// Makes `items` show `blocks`; those before firstChanged stay as they are, a growing code block grows.
void follow(std::vector<std::unique_ptr<BlockItem>> &items, const QVector<markdown::Block> &blocks, int firstChanged,
            TextItem::Tone tone) {
    const size_t keep = std::min<size_t>(size_t(firstChanged), items.size());
    if (items.size() > keep && qsizetype(keep) < blocks.size()) {
        if (auto *code = dynamic_cast<CodeItem *>(items[keep].get()); code && code->grow(blocks[qsizetype(keep)])) {
            items.resize(keep + 1);
        } else {
            items.resize(keep);
        }
    } else {
        items.resize(std::min(keep, size_t(blocks.size())));
    }
    for (qsizetype i = qsizetype(items.size()); i < blocks.size(); ++i) {
        items.push_back(makeItem(blocks[i], tone));
    }
}

} // namespace

void MessageItem::setMessage(const chat::Message &message, const MessageSurroundings &around) {
    const bool first = m_items.empty();
    const bool headSame = !first && sameAttachments(message.attachments, m_message.attachments) &&
                          around.attachmentPaths == m_around.attachmentPaths &&
                          message.thinking.isEmpty() == m_message.thinking.isEmpty() &&
                          around.thinkingNow == m_around.thinkingNow &&
                          around.thinkingSeconds == m_around.thinkingSeconds && message.role == m_message.role;
    const bool toolsSame = !first && sameTools(message.tools, m_message.tools);
    m_message = message;
    m_around = around;
    if (!headSame) rebuildHead(around);
    if (m_thinkingOpen) rebuildThoughts();
    if (!toolsSame) {
        m_toolItems.clear();
        for (const chat::ToolUse &use : m_message.tools) m_toolItems.push_back(std::make_unique<ToolItem>(use));
    }
    rebuildBody();
    rebuildTail();
    collect();
}

void MessageItem::rebuildHead(const MessageSurroundings &around) {
    m_head.clear();
    if (!m_message.attachments.isEmpty()) {
        m_head.push_back(std::make_unique<AttachmentsItem>(m_message.attachments, around.attachmentPaths));
    }
    if (!m_message.thinking.isEmpty()) {
        m_head.push_back(std::make_unique<ThinkingItem>(m_thinkingOpen, around.thinkingNow, around.thinkingSeconds));
    }
}

void MessageItem::rebuildThoughts() {
    m_thoughtsWhole = m_thoughts.setText(
        m_message.thinking, m_message.state != chat::MessageState::Streaming || !m_message.text.isEmpty(), kParseStep);
    follow(m_thoughtItems, m_thoughts.blocks(), m_thoughts.firstChanged(), TextItem::Tone::Thought);
}

void MessageItem::rebuildBody() {
    if (m_message.role != chat::Role::Assistant) {
        const QVector<markdown::Block> plain =
            m_message.text.isEmpty() ? QVector<markdown::Block>() : markdown::plainBlocks(m_message.text);
        if (plain != m_plain) {
            m_plain = plain;
            follow(m_bodyItems, m_plain, 0, TextItem::Tone::Plain);
        }
        return;
    }
    m_whole = m_body.setText(m_message.text, m_message.state != chat::MessageState::Streaming, kParseStep);
    follow(m_bodyItems, m_body.blocks(), m_body.firstChanged(), TextItem::Tone::Plain);
    shapeTables();
    QStringList names;
    for (const PictureRef &picture : m_around.pictures) names << picture.name;
    const int meant = pictureMeant(m_message.text, names);
    const QVector<OverlayMark> marks =
        meant < 0 ? QVector<OverlayMark>() : marksIn(m_message.text, m_around.pictures[meant].size);
    if (marks.isEmpty()) {
        m_marked.reset();
    } else if (!m_marked || !m_marked->update(m_around.pictures[meant], marks)) {
        m_marked = std::make_unique<MarkedPictureItem>(m_around.pictures[meant], marks);
    }
    // The picture says it better than the JSON: that folds away.
    for (size_t i = 0; i < m_bodyItems.size(); ++i) {
        CodeItem *code = m_bodyItems[i]->asCode();
        if (code && m_marked && holdsMarks(code->block())) {
            code->setFolded(!m_codeOpen, objectCountText(marks.size()));
        } else if (code) {
            code->setFolded(false, {});
        }
    }
}

void MessageItem::continueReading() {
    if (m_thinkingOpen && !m_thoughtsWhole) rebuildThoughts();
    rebuildBody();
    collect();
}

// The parts of a long table get the same columns.
void MessageItem::shapeTables() {
    std::vector<TableItem *> parts;
    const auto finish = [&parts] {
        QVector<markdown::RichText> widest;
        for (const TableItem *part : parts) {
            const auto &own = part->widestCells();
            widest.resize(std::max(widest.size(), own.size()));
            for (qsizetype c = 0; c < own.size(); ++c) {
                if (own[c].text.size() > widest[c].text.size()) widest[c] = own[c];
            }
        }
        for (TableItem *part : parts) {
            part->setShape(parts.size() > 1 ? widest : QVector<markdown::RichText>(), part != parts.back());
        }
        parts.clear();
    };
    for (const auto &each : m_bodyItems) {
        TableItem *table = each->asTable();
        if (!table || !table->block().continued) finish();
        if (table) parts.push_back(table);
    }
    finish();
}

void MessageItem::rebuildTail() {
    m_tail.clear();
    const bool streaming = m_message.state == chat::MessageState::Streaming;
    const bool asking = std::any_of(m_message.tools.begin(), m_message.tools.end(),
                                    [](const chat::ToolUse &use) { return use.state == chat::ToolState::Asking; });
    if (streaming && m_message.text.isEmpty() && !asking) {
        m_tail.push_back(std::make_unique<WaitingItem>());
    }
    if (!m_message.notice.isEmpty()) {
        m_tail.push_back(std::make_unique<NoticeItem>(m_message.notice, m_message.state == chat::MessageState::Failed));
    } else if (m_message.state == chat::MessageState::Stopped || m_message.state == chat::MessageState::Interrupted) {
        const bool stopped = m_message.state == chat::MessageState::Stopped;
        m_tail.push_back(std::make_unique<NoticeItem>(
            stopped
                ? Transcript::tr("Stopped. What was written so far is kept.")
                : Transcript::tr(
                      "This answer was interrupted. What was written so far is kept; Answer again writes a new one."),
            false));
    }
    const auto version = int(m_message.versions.indexOf(m_message.id));
    m_tail.push_back(std::make_unique<FooterItem>(isUser(), !streaming, detailsLine(m_message), version,
                                                  version < 0 ? 0 : int(m_message.versions.size())));
}

void MessageItem::collect() {
    m_items.clear();
    const auto add = [this](const std::vector<std::unique_ptr<BlockItem>> &list) {
        for (const auto &item : list) m_items.push_back(item.get());
    };
    add(m_head);
    if (m_thinkingOpen) add(m_thoughtItems);
    add(m_toolItems);
    if (m_marked) m_items.push_back(m_marked.get());
    m_bubbleFirst = m_bubbleLast = -1;
    if (isUser() && !m_bodyItems.empty()) {
        m_bubbleFirst = int(m_items.size());
        m_bubbleLast = m_bubbleFirst + int(m_bodyItems.size()) - 1;
    }
    add(m_bodyItems);
    add(m_tail);
    m_tops.assign(m_items.size(), 0);
    m_heights.assign(m_items.size(), 0);
    m_placed = false;
}

int MessageItem::innerWidth(int width, bool bubble) const {
    return bubble ? std::max(80, width * 86 / 100 - 2 * kBubbleX) : width;
}

int MessageItem::heightFor(int width, const Look &look) {
    if (m_placed && m_width == width) {
        return m_height;
    }
    m_placed = true;
    m_width = width;
    int y = kPadTop;
    m_bubbleWidth = 0;
    for (int i = 0; i < itemCount(); ++i) {
        const bool bubble = i >= m_bubbleFirst && i <= m_bubbleLast && m_bubbleFirst >= 0;
        if (i > 0) y += i == m_bubbleFirst ? space::kS : item(i)->gapBefore();
        if (i == m_bubbleFirst) y += kBubbleY;
        const int inner = innerWidth(width, bubble);
        m_tops[size_t(i)] = y;
        m_heights[size_t(i)] = item(i)->heightFor(inner, look);
        y += m_heights[size_t(i)];
        if (bubble) {
            m_bubbleWidth = std::max(m_bubbleWidth, item(i)->hasLayout() ? std::min(inner, item(i)->naturalWidth()) : inner);
        }
        if (i == m_bubbleLast) y += kBubbleY;
    }
    m_left = width - m_bubbleWidth - kBubbleX;
    m_height = y + kPadBottom;
    return m_height;
}

MessageItem::Laid MessageItem::layOut(int width, const Sight &sight, const Look &look) {
    Laid laid;
    for (int step = 0; step < itemCount() && !laid.unfinished; ++step) {
        const int i = sight.fromBelow ? itemCount() - 1 - step : step;
        const bool bubble = i >= m_bubbleFirst && i <= m_bubbleLast && m_bubbleFirst >= 0;
        const int inner = innerWidth(width, bubble);
        if (m_tops[size_t(i)] > sight.bottom || m_tops[size_t(i)] + m_heights[size_t(i)] < sight.top ||
            item(i)->isLaidOut(inner)) {
            continue;
        }
        laid.unfinished = sight.costLimit >= 0 && *look.laidOut >= sight.costLimit;
        laid.changed = (!laid.unfinished && item(i)->layoutFor(inner, look)) || laid.changed;
    }
    m_placed = m_placed && !laid.changed;
    return laid;
}

void MessageItem::layOutItem(int index, const Look &look) {
    m_placed = !item(index)->layoutFor(itemRect(index).width(), look) && m_placed;
}

bool MessageItem::layOutSpots(int width, const Look &look) {
    bool changed = false;
    for (BlockItem *each : m_items) {
        changed = (each->mayHaveSpots() && each->layoutFor(innerWidth(width, false), look)) || changed;
    }
    m_placed = m_placed && !changed;
    return changed;
}

void MessageItem::invalidate() {
    m_placed = false;
    for (BlockItem *each : m_items) each->invalidate();
    for (const auto &each : m_thoughtItems) each->invalidate();
}

bool MessageItem::shed(int &items) {
    m_items.clear();
    for (auto *list : {&m_bodyItems, &m_thoughtItems, &m_head, &m_toolItems, &m_tail}) {
        for (; !list->empty() && items > 0; --items) list->pop_back();
    }
    return items > 0;
}

QRect MessageItem::itemRect(int index) const {
    const bool bubble = index >= m_bubbleFirst && index <= m_bubbleLast && m_bubbleFirst >= 0;
    const int left = bubble ? m_left : 0;
    const int width = bubble ? innerWidth(m_width, true) : m_width;
    return {left, m_tops[size_t(index)], width, m_heights[size_t(index)]};
}

int MessageItem::itemAt(int y) const {
    int best = 0;
    for (int i = 0; i < itemCount(); ++i) {
        if (m_tops[size_t(i)] <= y) best = i;
    }
    return best;
}

void MessageItem::toggleThinking() {
    m_thinkingOpen = !m_thinkingOpen;
    rebuildHead(m_around);
    if (m_thinkingOpen) rebuildThoughts();
    collect();
}

void MessageItem::toggleCode() {
    m_codeOpen = !m_codeOpen;
    rebuildBody();
    collect();
}

void MessageItem::paintGround(QPainter &painter, const QPoint &origin, const Look &look) const {
    if (m_bubbleFirst < 0) {
        return;
    }
    const int top = m_tops[size_t(m_bubbleFirst)] - kBubbleY;
    const int bottom = m_tops[size_t(m_bubbleLast)] + m_heights[size_t(m_bubbleLast)] + kBubbleY;
    const QRectF rect(origin.x() + m_left - kBubbleX, origin.y() + top, m_bubbleWidth + 2 * kBubbleX, bottom - top);
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(look.theme->scheme == Scheme::HighContrast ? QPen(look.theme->border, 1) : QPen(Qt::NoPen));
    painter.setBrush(look.theme->bubble);
    painter.drawRoundedRect(rect, 14, 14);
    painter.restore();
}

void MessageItem::paint(QPainter &painter, const QPoint &origin, int index, const PaintState &state) const {
    item(index)->paint(painter, origin + itemRect(index).topLeft(), state);
}

QString MessageItem::plainText() const {
    QStringList parts;
    for (const chat::Attachment &attachment : m_message.attachments) parts << attachment.name;
    for (const chat::ToolUse &use : m_message.tools) {
        parts
            << QStringLiteral("%1: %2, %3").arg(use.tool, toolStateText(use.state), prettyArguments(use.argumentsJson));
    }
    for (const auto &each : m_bodyItems) {
        const QString text = each->copied(0, int(each->text().size()), false);
        if (!text.isEmpty()) parts << text;
    }
    if (!m_message.notice.isEmpty()) parts << m_message.notice;
    return parts.join(QLatin1Char('\n'));
}

int MessageItem::codeLinesLaidOut() const {
    int lines = 0;
    for (const auto &each : m_bodyItems) {
        if (const auto *code = dynamic_cast<const CodeItem *>(each.get())) lines += code->laidOutLines();
    }
    return lines;
}

} // namespace facet::ui
