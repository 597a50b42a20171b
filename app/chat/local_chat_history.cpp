// The conversations on the disk: open, rename, delete, versions, search, export, and what saving came to.
#include "chat/local_chat_controller.h"

#include "chat/export.h"

#include <QPointer>

#include <algorithm>
#include <utility>

namespace facet::chat {
namespace {

constexpr qsizetype kMaxTitle = 200;

QString sentence(const Error &error) { return QString::fromStdString(error.message); }

} // namespace

// ---- conversations ----

ConversationInfo *LocalChatController::info(qint64 id) {
    for (ConversationInfo &candidate : m_conversations) {
        if (candidate.id == id) {
            return &candidate;
        }
    }
    return nullptr;
}

void LocalChatController::showConversation(qint64 id, QVector<Message> messages) {
    m_current = id;
    m_messages = std::move(messages);
    emit conversationOpened(id);
    emit progressChanged(progress());
}

void LocalChatController::openConversation(qint64 id) {
    if (id == m_current) {
        return;
    }
    if (id == 0) {
        newConversation();
        return;
    }
    stop();
    loadConversation(id, 0);
}

void LocalChatController::loadConversation(qint64 id, qint64 through) {
    const quint64 number = ++m_openNumber;
    m_services.history->messages(
        id, through, [self = QPointer(this), id, through, number](const Result<QVector<Message>> &messages) {
            if (!self || number != self->m_openNumber) {
                return;
            }
            if (!messages) {
                emit self->problem(sentence(messages.error()));
                return;
            }
            self->showConversation(id, *messages);
            const auto asked = std::find_if(self->m_messages.begin(), self->m_messages.end(),
                                            [through](const Message &message) { return message.id == through; });
            if (asked != self->m_messages.end()) {
                emit self->messageShown(static_cast<int>(asked - self->m_messages.begin()));
            }
        });
}

void LocalChatController::openMessage(qint64 conversation, qint64 message) {
    if (!info(conversation)) {
        return;
    }
    stop();
    loadConversation(conversation, message);
}

// ---- versions ----

void LocalChatController::showVersion(int messageIndex, int version) {
    if (m_progress.phase != TurnPhase::Idle || messageIndex < 0 || messageIndex >= m_messages.size()) {
        return;
    }
    const qint64 wanted = m_messages[messageIndex].versions.value(version);
    if (wanted == 0 || wanted == m_messages[messageIndex].id) {
        return;
    }
    const quint64 number = ++m_openNumber;
    m_services.history->messages(
        m_current, wanted, [self = QPointer(this), messageIndex, number](const Result<QVector<Message>> &messages) {
            if (!self || number != self->m_openNumber || self->m_progress.phase != TurnPhase::Idle) {
                return; // something else was opened or asked meanwhile
            }
            if (!messages) {
                emit self->problem(sentence(messages.error()));
                return;
            }
            self->m_messages = *messages;
            emit self->branchShown(messageIndex);
            emit self->progressChanged(self->progress());
        });
}

// ---- search and export ----

void LocalChatController::search(const QString &words) {
    m_services.history->search(words, [self = QPointer(this), words](const Result<QVector<SearchHit>> &hits) {
        if (!self) {
            return;
        }
        if (!hits) {
            emit self->problem(sentence(hits.error()));
        }
        emit self->searchDone(words, hits ? *hits : QVector<SearchHit>());
    });
}

void LocalChatController::exportConversation(const QString &file) {
    Export work;
    work.file = file;
    work.title = info(m_current) ? info(m_current)->title : QString();
    work.messages = m_messages;
    for (const Message &message : m_messages) {
        for (const Attachment &attachment : message.attachments) {
            work.paths.insert(attachment.hash, attachmentPath(attachment));
        }
    }
    m_pending.later([this, work = std::move(work)] { // m_pending waits for it before it goes
        const Status written = writeExport(work);
        QMetaObject::invokeMethod(
            this,
            [this, written, file = work.file] {
                if (written) {
                    emit exported(file);
                } else {
                    emit problem(sentence(written.error()));
                }
            },
            Qt::QueuedConnection);
    });
}

void LocalChatController::newConversation() {
    stop();
    ++m_openNumber;
    showConversation(0, {});
}

void LocalChatController::renameConversation(qint64 id, const QString &title) {
    ConversationInfo *found = info(id);
    const QString clean = title.simplified().left(kMaxTitle);
    if (!found || clean.isEmpty()) {
        return;
    }
    found->title = clean;
    m_services.history->rename(id, clean, savedOrProblem());
    emit conversationsChanged();
}

void LocalChatController::deleteConversation(qint64 id) {
    const ConversationInfo *found = info(id);
    if (!found) {
        return;
    }
    if (m_deleted) {
        m_services.history->purgeDeleted();
    }
    m_deleted = *found;
    if (id == m_current) {
        newConversation(); // stops the answer first, so that its end is still saved
    }
    m_services.history->setDeleted(id, true, savedOrProblem());
    m_conversations.removeIf([id](const ConversationInfo &candidate) { return candidate.id == id; });
    emit conversationsChanged();
}

void LocalChatController::undoDelete() {
    if (!m_deleted) {
        return;
    }
    m_services.history->setDeleted(m_deleted->id, false, savedOrProblem());
    const auto newer = [this](const ConversationInfo &candidate) { return candidate.updated <= m_deleted->updated; };
    m_conversations.insert(std::find_if(m_conversations.begin(), m_conversations.end(), newer), *m_deleted);
    m_deleted.reset();
    emit conversationsChanged();
}

// The open conversation moves to the top of the list.
void LocalChatController::touchCurrent() {
    const ConversationInfo *found = info(m_current);
    if (!found) {
        return;
    }
    ConversationInfo current = *found;
    current.updated = QDateTime::currentDateTime();
    current.messageCount = static_cast<int>(m_messages.size());
    m_conversations.removeIf([this](const ConversationInfo &candidate) { return candidate.id == m_current; });
    m_conversations.prepend(current);
    emit conversationsChanged();
}

// ---- saving ----

store::HistoryStore::Done LocalChatController::savedOrProblem() {
    return [self = QPointer(this)](const Status &saved) {
        if (self) {
            self->reportSaving(saved);
        }
    };
}

// A full disk is said once, not four times a second.
void LocalChatController::reportSaving(const Status &saved) {
    if (saved) {
        m_saveProblemShown = false;
    } else if (m_saving && !m_saveProblemShown) {
        m_saveProblemShown = true;
        emit problem(sentence(saved.error()));
    }
}

} // namespace facet::chat
