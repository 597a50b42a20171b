// A ChatRequest as the JSON body of POST /v1/chat/completions. The own host gets file: URLs and x_facet fields; other
// servers get what OpenAI's protocol has, with the media inside the body.
#pragma once

#include "client/chat_request.h"

#include <QByteArray>

#include <variant>

namespace facet::client {

inline constexpr qint64 kMaxRemoteMediaBytes = qint64(128) << 20; // of one request, before base64

// Reads media files: blocking, not for the GUI thread.
std::variant<QByteArray, Failure> buildRequestBody(const ChatRequest &request, const Endpoint &endpoint);

// <base>/v1/<what>, whether or not the base has the /v1 (or the whole path) already.
QUrl apiUrl(const Endpoint &endpoint, const QString &what);

} // namespace facet::client
