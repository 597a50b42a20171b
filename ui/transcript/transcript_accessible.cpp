// The transcript for screen readers: a list of messages, each with its text and its buttons.
#include "ui/transcript/transcript_view.h"

#include <QAccessible>
#include <QAccessibleWidget>
#include <QHash>

namespace facet::ui {

namespace {

// Anything inside of a transcript: it lives as long as the interface of the view.
class Part : public QAccessibleInterface {
public:
    Part(TranscriptView *view, QAccessibleInterface *parent) : m_view(view), m_parent(parent) {}

    QObject *object() const override { return nullptr; }
    QAccessibleInterface *parent() const override { return m_parent; }
    QWindow *window() const override { return m_view->window()->windowHandle(); }
    QAccessibleInterface *childAt(int x, int y) const override {
        for (int i = 0; i < childCount(); ++i) {
            if (child(i)->rect().contains(x, y)) return child(i);
        }
        return nullptr;
    }
    void setText(QAccessible::Text, const QString &) override {}

protected:
    QRect onScreen(const QRect &rect) const { return {m_view->viewport()->mapToGlobal(rect.topLeft()), rect.size()}; }

    TranscriptView *m_view;
    QAccessibleInterface *m_parent;
};

class SpotPart : public Part, public QAccessibleActionInterface {
public:
    SpotPart(TranscriptView *view, QAccessibleInterface *parent, int message, int index)
        : Part(view, parent), m_message(message), m_index(index) {}

    bool isValid() const override { return place().isValid(); }
    QAccessible::Role role() const override { return QAccessible::Button; }
    QAccessible::State state() const override {
        QAccessible::State state;
        state.focusable = true;
        state.focused = m_view->hasFocus() && m_view->focusSpot() == place();
        return state;
    }
    QString text(QAccessible::Text kind) const override {
        return kind == QAccessible::Name ? m_view->spotAt(place()).label : QString();
    }
    QRect rect() const override { return onScreen(m_view->spotRect(place())); }
    int childCount() const override { return 0; }
    QAccessibleInterface *child(int) const override { return nullptr; }
    int indexOfChild(const QAccessibleInterface *) const override { return -1; }
    void *interface_cast(QAccessible::InterfaceType type) override {
        return type == QAccessible::ActionInterface ? static_cast<QAccessibleActionInterface *>(this) : nullptr;
    }
    QStringList actionNames() const override { return {pressAction()}; }
    void doAction(const QString &name) override {
        if (name == pressAction()) m_view->activate(place());
    }
    QStringList keyBindingsForAction(const QString &) const override { return {}; }

private:
    SpotPlace place() const { return m_view->spotsOf(m_message).value(m_index); }

    int m_message, m_index;
};

class MessagePart : public Part {
public:
    MessagePart(TranscriptView *view, QAccessibleInterface *parent, int index) : Part(view, parent), m_index(index) {}
    ~MessagePart() override {
        for (const QAccessible::Id id : std::as_const(m_children)) QAccessible::deleteAccessibleInterface(id);
    }

    bool isValid() const override { return m_index < m_view->messageCount(); }
    QAccessible::Role role() const override { return QAccessible::ListItem; }
    QAccessible::State state() const override {
        QAccessible::State state;
        state.focusable = state.selectableText = state.readOnly = true;
        state.focused = m_view->hasFocus() && m_view->focusMessage() == m_index && !m_view->focusSpot().isValid();
        state.busy = isValid() && m_view->message(m_index)->message().state == chat::MessageState::Streaming;
        return state;
    }
    QString text(QAccessible::Text kind) const override {
        if (!isValid()) return {};
        return kind == QAccessible::Name    ? m_view->accessibleNameOf(m_index)
               : kind == QAccessible::Value ? m_view->message(m_index)->plainText()
                                            : QString();
    }
    QRect rect() const override { return onScreen(m_view->messageRect(m_index)); }
    int childCount() const override { return isValid() ? int(m_view->spotsOf(m_index).size()) : 0; }
    QAccessibleInterface *child(int index) const override {
        if (index < 0 || index >= childCount()) return nullptr;
        auto *self = const_cast<MessagePart *>(this);
        if (!m_children.contains(index)) {
            self->m_children.insert(
                index, QAccessible::registerAccessibleInterface(new SpotPart(m_view, self, m_index, index)));
        }
        return QAccessible::accessibleInterface(m_children.value(index));
    }
    int indexOfChild(const QAccessibleInterface *wanted) const override {
        for (auto it = m_children.begin(); it != m_children.end(); ++it) {
            if (QAccessible::accessibleInterface(it.value()) == wanted) return it.key();
        }
        return -1;
    }

private:
    int m_index;
    QHash<int, QAccessible::Id> m_children;
};

class TranscriptInterface : public QAccessibleWidget {
public:
    explicit TranscriptInterface(TranscriptView *view)
        : QAccessibleWidget(view, QAccessible::List, view->accessibleName()), m_view(view) {}
    ~TranscriptInterface() override {
        for (const QAccessible::Id id : std::as_const(m_children)) QAccessible::deleteAccessibleInterface(id);
    }

    int childCount() const override { return m_view->messageCount(); }
    QAccessibleInterface *child(int index) const override {
        if (index < 0 || index >= m_view->messageCount()) return nullptr;
        auto *self = const_cast<TranscriptInterface *>(this);
        if (!m_children.contains(index)) {
            self->m_children.insert(index,
                                    QAccessible::registerAccessibleInterface(new MessagePart(m_view, self, index)));
        }
        return QAccessible::accessibleInterface(m_children.value(index));
    }
    int indexOfChild(const QAccessibleInterface *wanted) const override {
        for (auto it = m_children.begin(); it != m_children.end(); ++it) {
            if (QAccessible::accessibleInterface(it.value()) == wanted) return it.key();
        }
        return -1;
    }
    QAccessibleInterface *childAt(int x, int y) const override {
        for (int i = 0; i < childCount(); ++i) {
            if (child(i)->rect().contains(x, y)) return child(i);
        }
        return nullptr;
    }
    QAccessibleInterface *focusChild() const override {
        return m_view->hasFocus() && m_view->focusMessage() >= 0 ? child(m_view->focusMessage()) : nullptr;
    }

private:
    TranscriptView *m_view;
    QHash<int, QAccessible::Id> m_children;
};

QAccessibleInterface *makeInterface(const QString &, QObject *object) {
    auto *view = qobject_cast<TranscriptView *>(object);
    return view ? new TranscriptInterface(view) : nullptr;
}

} // namespace

void installTranscriptAccessibility() {
    QAccessible::installFactory(makeInterface); // installing twice is one entry
}

QString TranscriptView::accessibleNameOf(int index) {
    const MessageItem *item = message(index);
    if (!item) {
        return {};
    }
    QString who = item->isUser() ? tr("You") : tr("Facet");
    if (item->message().state == chat::MessageState::Streaming) {
        who = tr("Facet, still writing");
    }
    constexpr int kMaxName = 2000; // the whole text is the value
    return QStringLiteral("%1: %2").arg(who, item->plainText().left(kMaxName));
}

} // namespace facet::ui
