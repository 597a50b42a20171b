// Everything the host reads from a peer, without a socket. The first line of the input chooses the reader: "head",
// "form", "url" or "chat" (anything else: all of them); of a form the next line is the Content-Type.
#include "host/json_reader.h"
#include "host/media_url.h"
#include "host/multipart.h"
#include "host/openai_chat_request.h"
#include "host/request_guard.h"
#include "host/request_head.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace facet;
using namespace facet::host;

void require(bool condition) {
    if (!condition) std::abort();
}

std::string_view takeLine(std::string_view &text) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return line;
}

void readHead(std::string_view text) {
    const auto head = parseRequestHead(text);
    if (!head) return;
    (void)RequestGuard("secret").check(*head, true);
    // What is handed on must be read the same way again.
    const auto again = parseRequestHead(head->forLibrary(1));
    require(again && again->method == head->method && again->chunked == head->chunked);
    require(again->contentLength.value_or(0) == head->contentLength.value_or(0));
}

void readForm(std::string_view text) {
    const std::string_view type = takeLine(text);
    const auto form = parseMultipart(type, text);
    if (!form) return;
    for (const FormPart &part : form->parts) {
        require(part.content.empty() || (part.content.data() >= text.data() &&
                                         part.content.data() + part.content.size() <= text.data() + text.size()));
    }
}

void readUrl(std::string_view text) {
    (void)mediaFromUrl(text, false);
    (void)mediaFromData(text);
}

void readChat(std::string_view text) {
    const auto json = parseJson(text);
    if (!json) return;
    require(static_cast<bool>(parseJson(jsonLine(*json))));
    const auto call = parseChatRequest(*json, {.allowFiles = false});
    if (!call) return;
    require(!call->request.messages.empty());
    for (const MediumRef &medium : call->media) {
        require(medium.message < call->request.messages.size());
        require(medium.part < call->request.messages[medium.message].parts.size());
        require(medium.source.path.empty());
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const std::string text(data, data + size);
    std::string_view rest = text;
    const std::string_view reader = takeLine(rest);
    const bool known = reader == "head" || reader == "form" || reader == "url" || reader == "chat";
    if (!known) rest = text;
    if (!known || reader == "head") readHead(rest);
    if (!known || reader == "form") readForm(rest);
    if (!known || reader == "url") readUrl(rest);
    if (!known || reader == "chat") readChat(rest);
    return 0;
}
