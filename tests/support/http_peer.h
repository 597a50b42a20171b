// A client that does exactly what it is told, byte by byte: for tests of what well-behaved clients never do.
//
//     HttpPeer peer(port);
//     peer.send(get("/health"));
//     HttpAnswer answer = peer.answer();   // head and body, chunks joined
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <string_view>

namespace facet::host {

struct HttpAnswer {
    int status = 0;                             // 0: none came
    std::map<std::string, std::string> headers; // lower case names
    std::string body;
};

class HttpPeer {
public:
    explicit HttpPeer(int port) : m_socket(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<in_port_t>(port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        m_connected = ::connect(m_socket, static_cast<sockaddr *>(static_cast<void *>(&address)), sizeof address) == 0;
    }
    ~HttpPeer() { hangUp(); }
    HttpPeer(const HttpPeer &) = delete;
    HttpPeer &operator=(const HttpPeer &) = delete;

    bool connected() const { return m_connected; }
    bool send(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t count = ::send(m_socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (count <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(count));
        }
        return true;
    }
    void hangUp() {
        if (m_socket >= 0) ::close(m_socket);
        m_socket = -1;
    }
    // Until `text` has come (consumes nothing).
    bool waitFor(std::string_view text, int timeoutMs = 10'000) {
        while (m_received.find(text) == std::string::npos) {
            if (!more(timeoutMs)) return false;
        }
        return true;
    }
    // Whether the other side closes within the time.
    bool closes(int timeoutMs = 10'000) {
        while (more(timeoutMs)) {
        }
        return m_closed;
    }
    const std::string &received() const { return m_received; }

    HttpAnswer answer() {
        HttpAnswer answer;
        if (!waitFor("\r\n\r\n")) return answer;
        std::size_t at = m_received.find("\r\n\r\n") + 4;
        const std::string head = m_received.substr(0, at);
        answer.status = std::atoi(head.substr(9, 3).c_str());
        for (std::size_t line = head.find("\r\n") + 2; line + 2 < head.size();) {
            const std::size_t end = head.find("\r\n", line);
            const std::size_t colon = head.find(':', line);
            std::string name = head.substr(line, colon - line);
            std::transform(name.begin(), name.end(), name.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
            answer.headers[name] = head.substr(colon + 2, end - colon - 2);
            line = end + 2;
        }
        m_received.erase(0, at);
        if (answer.headers.count("transfer-encoding")) {
            readChunks(answer.body);
        } else if (answer.headers.count("content-length")) {
            const auto length = static_cast<std::size_t>(std::atoll(answer.headers["content-length"].c_str()));
            while (m_received.size() < length && more(10'000)) {
            }
            answer.body = m_received.substr(0, length);
            m_received.erase(0, length);
        } else if (answer.status != 204) {
            while (more(10'000)) {
            }
            answer.body = std::exchange(m_received, {});
        }
        return answer;
    }

private:
    bool more(int timeoutMs) {
        pollfd polled{m_socket, POLLIN, 0};
        if (m_socket < 0 || m_closed || ::poll(&polled, 1, timeoutMs) <= 0) return false;
        char block[65536];
        const ssize_t count = ::recv(m_socket, block, sizeof block, 0);
        if (count <= 0) {
            m_closed = true;
            return false;
        }
        m_received.append(block, static_cast<std::size_t>(count));
        return true;
    }
    void readChunks(std::string &body) {
        for (;;) {
            while (m_received.find("\r\n") == std::string::npos) {
                if (!more(10'000)) return;
            }
            const std::size_t length = std::strtoul(m_received.c_str(), nullptr, 16);
            const std::size_t begin = m_received.find("\r\n") + 2;
            while (m_received.size() < begin + length + 2) {
                if (!more(10'000)) return;
            }
            body += m_received.substr(begin, length);
            m_received.erase(0, begin + length + 2);
            if (length == 0) return;
        }
    }

    int m_socket;
    bool m_connected = false;
    bool m_closed = false;
    std::string m_received;
};

inline std::string httpGet(const std::string &path, const std::string &headers = "Authorization: Bearer secret\r\n") {
    return "GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + headers + "\r\n";
}

inline std::string
httpPost(const std::string &path, const std::string &body,
         const std::string &headers = "Authorization: Bearer secret\r\nContent-Type: application/json\r\n") {
    return "POST " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + headers +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

inline HttpAnswer ask(int port, const std::string &request) {
    HttpPeer peer(port);
    peer.send(request);
    return peer.answer();
}

} // namespace facet::host
