// Messages -> prompt text -> ids, through the model's own Jinja template (a small, limited, side-effect-free subset) or a
// built-in one (text.md section 6). User text can never form control tokens: its bytes come back as `plain` spans.
#pragma once

#include "facet/chat.h"
#include "facet/result.h"
#include "text/tokenizer.h"

#include <nlohmann/json_fwd.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace facet {

// A compiled Jinja template. Limits on source size, nesting, steps and output; no includes, no attribute access beyond values.
class ChatTemplate {
public:
    // Errors: ModelUnsupported, naming the construct and the line.
    static Result<ChatTemplate> compile(std::string_view source);
    ChatTemplate(ChatTemplate &&) noexcept;
    ChatTemplate &operator=(ChatTemplate &&) noexcept;
    ~ChatTemplate();

    // Variables: an object (messages, tools, add_generation_prompt, enable_thinking, bos_token); absent = undefined.
    Result<std::string> render(const nlohmann::ordered_json &variables) const;

    struct Impl;

private:
    explicit ChatTemplate(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> m_impl;
};

// Built-in template of the small (E2B/E4B) models, used when a model brings none.
std::string_view builtinChatTemplate();

struct ChatOptions {
    bool thinking = false;
    bool addGenerationPrompt = true;
};
struct RenderedChat {
    std::string text;              // one <|image|>, <|audio|> or <|video|> per medium, in order of the parts
    std::vector<ByteSpan> plain;   // untrusted text in it
};
Result<RenderedChat> renderChat(const ChatTemplate &chatTemplate, const std::vector<Message> &messages,
                                const std::vector<ToolDeclaration> &tools, const ChatOptions &options);
// "<|tool_response>response:NAME{..}<tool_response|>" for tool messages that continue a model turn whose tokens are cached,
// without the leading marker when `afterOwnMarker` (the model itself wrote <|tool_response>).
RenderedChat renderToolResults(const std::vector<Message> &toolMessages, bool afterOwnMarker);

}  // namespace facet
