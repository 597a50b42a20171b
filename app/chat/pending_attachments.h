// What is attached to the question that is being written: copied into the media store by a worker thread, each known by
// a ticket. Order is the order of adding.
#pragma once

#include "chat/types.h"
#include "client/chat_request.h"
#include "store/media_store.h"

#include <QObject>
#include <QThreadPool>

#include <functional>

namespace facet::chat {

class PendingAttachments : public QObject {
    Q_OBJECT
public:
    explicit PendingAttachments(const store::MediaStore *media, QObject *parent = nullptr);
    ~PendingAttachments() override;

    int addFile(const QString &path);
    int addBytes(const QByteArray &bytes, const QString &name);
    void remove(int ticket);
    void fail(int ticket, const QString &sentence);
    void setBudget(int ticket, int tokenBudget);
    void setCost(int ticket, const client::MediaCost &cost);

    bool isCopying() const;
    const Attachment *find(int ticket) const; // null while it is being copied
    QVector<int> tickets() const;
    QVector<Attachment> take();
    // Runs a job after what was added so far.
    void later(std::function<void()> job) { m_pool.start(std::move(job)); }

signals:
    void ready(int ticket, const facet::chat::Attachment &attachment); // again when its cost is known or changes
    void failed(int ticket, const QString &sentence);

private:
    struct Entry {
        int ticket = 0;
        bool copying = true;
        Attachment attachment;
    };
    Entry *entry(int ticket);
    int begin(std::function<Result<Attachment>()> copy);

    const store::MediaStore *m_media;
    QThreadPool m_pool; // one thread: copies come in order
    QVector<Entry> m_entries;
    int m_lastTicket = 0;
};

} // namespace facet::chat
