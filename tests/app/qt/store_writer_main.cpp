// Streams answers into a history until it is killed, and says on standard output what was acknowledged as saved:
//     C <conversation>    S <message> <length of text>    D <message>
#include "store/history_store.h"
#include "support/stream_text.h"

#include <QCoreApplication>

#include <cstdio>

using namespace facet;

namespace {

void say(const char *what, qint64 id, int length) {
    std::printf("%s %lld %d\n", what, static_cast<long long>(id), length);
    std::fflush(stdout);
}

// One answer after the other; each save waits for the one before, as StreamSaver does.
class Writer : public QObject {
public:
    explicit Writer(store::HistoryStore *history) : m_history(history) {}

    void begin() {
        m_conversation = m_history->newId();
        m_history->createConversation({m_conversation, QStringLiteral("Kill me"), QDateTime::currentDateTime(), 0}, {},
                                      [this](const Status &saved) {
                                          if (saved) {
                                              say("C", m_conversation, 0);
                                              answer();
                                          }
                                      });
    }

private:
    void answer() {
        m_message = {};
        m_message.id = m_history->newId();
        m_message.role = chat::Role::Assistant;
        m_message.state = chat::MessageState::Streaming;
        m_message.created = QDateTime::currentDateTime();
        m_history->saveMessage(m_conversation, m_message, [this](const Status &saved) {
            if (saved) {
                say("S", m_message.id, 0);
                grow();
            }
        });
    }

    void grow() {
        const int length = static_cast<int>(qMin(m_message.text.size() + 200, qsizetype(test::kAnswerLength)));
        m_message.text = test::streamedText(m_message.id, length);
        if (length < test::kAnswerLength) {
            m_history->saveStreaming(m_message.id, m_message.text, {}, [this, length](const Status &saved) {
                if (saved) {
                    say("S", m_message.id, length);
                    grow();
                }
            });
            return;
        }
        m_message.state = chat::MessageState::Complete;
        m_history->saveMessage(m_conversation, m_message, [this](const Status &saved) {
            if (saved) {
                say("D", m_message.id, test::kAnswerLength);
                answer();
            }
        });
    }

    store::HistoryStore *m_history;
    qint64 m_conversation = 0;
    chat::Message m_message;
};

} // namespace

int main(int argc, char **argv) {
    QCoreApplication application(argc, argv);
    store::HistoryOptions options;
    options.file = application.arguments().value(1);
    store::HistoryStore history(options);
    Writer writer(&history);
    history.open([&](const Result<store::HistoryOpened> &opened) {
        if (!opened) {
            std::fprintf(stderr, "%s\n", opened.error().describe().c_str());
            QCoreApplication::exit(1);
            return;
        }
        writer.begin();
    });
    return QCoreApplication::exec();
}
