// A loopback HTTP server that answers with what a test wrote down: bytes, pauses, a connection that breaks.
#pragma once

#include <QHash>
#include <QPointer>
#include <QTcpServer>
#include <QTcpSocket>
#include <QTimer>
#include <QUrl>
#include <QVector>

namespace facet::test {

class ScriptedHttpServer : public QTcpServer {
    Q_OBJECT
public:
    struct Step {
        QByteArray bytes;
        int waitMs = 0;     // before the bytes
        bool close = false; // after the bytes; without it the connection stays open
    };
    struct Request {
        QByteArray method, path, head, body;
    };

    explicit ScriptedHttpServer(QObject *parent = nullptr) : QTcpServer(parent) {
        listen(QHostAddress::LocalHost);
        connect(this, &QTcpServer::newConnection, this, &ScriptedHttpServer::accept);
    }

    QUrl url() const { return QUrl(QStringLiteral("http://127.0.0.1:%1").arg(serverPort())); }
    void answer(const QByteArray &path, const QVector<Step> &steps) { m_answers.insert(path, steps); }

    static QByteArray head(int status, const QByteArray &type, const QByteArray &more = {}) {
        return "HTTP/1.1 " + QByteArray::number(status) + " Words\r\nContent-Type: " + type +
               "\r\nConnection: close\r\n" + more + "\r\n";
    }
    static QByteArray stream(const QByteArray &events) { return head(200, "text/event-stream") + events; }
    static QByteArray whole(int status, const QByteArray &json) {
        return head(status, "application/json", "Content-Length: " + QByteArray::number(json.size()) + "\r\n") + json;
    }

    QVector<Request> requests;
    int disconnects = 0;

private:
    void accept() {
        while (QTcpSocket *socket = nextPendingConnection()) {
            connect(socket, &QTcpSocket::readyRead, this, [this, socket] { read(socket); });
            connect(socket, &QTcpSocket::disconnected, this, [this, socket] {
                ++disconnects;
                socket->deleteLater();
            });
        }
    }

    void read(QTcpSocket *socket) {
        QByteArray &buffer = m_buffers[socket];
        buffer += socket->readAll();
        const qsizetype end = buffer.indexOf("\r\n\r\n");
        if (end < 0) {
            return;
        }
        Request request;
        request.head = buffer.left(end);
        const QList<QByteArray> line = request.head.left(request.head.indexOf("\r\n")).split(' ');
        request.method = line.value(0);
        request.path = line.value(1);
        qsizetype length = 0;
        for (const QByteArray &header : request.head.split('\n')) {
            if (header.toLower().startsWith("content-length:")) {
                length = header.mid(15).trimmed().toInt();
            }
        }
        if (buffer.size() < end + 4 + length) {
            return;
        }
        request.body = buffer.mid(end + 4, length);
        m_buffers.remove(socket);
        requests.append(request);
        play(socket, m_answers.value(request.path, {{whole(404, R"({"error":{"message":"no such route"}})"), 0, true}}),
             0);
    }

    void play(QTcpSocket *socket, const QVector<Step> &steps, int index) {
        if (index >= steps.size()) {
            return;
        }
        QTimer::singleShot(steps[index].waitMs, socket, [this, socket, steps, index] {
            socket->write(steps[index].bytes);
            if (steps[index].close) {
                socket->disconnectFromHost();
            } else {
                play(socket, steps, index + 1);
            }
        });
    }

    QHash<QByteArray, QVector<Step>> m_answers;
    QHash<QTcpSocket *, QByteArray> m_buffers;
};

} // namespace facet::test
