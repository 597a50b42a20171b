#include "text/chat_format.h"
#include "text/jinja/evaluator.h"
#include "text/jinja/syntax.h"

#include <nlohmann/json.hpp>

#include <utility>

namespace facet {

struct ChatTemplate::Impl {
    jinja::Program program;
};

ChatTemplate::ChatTemplate(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
ChatTemplate::ChatTemplate(ChatTemplate &&) noexcept = default;
ChatTemplate &ChatTemplate::operator=(ChatTemplate &&) noexcept = default;
ChatTemplate::~ChatTemplate() = default;

Result<ChatTemplate> ChatTemplate::compile(std::string_view source) {
    FACET_TRY(program, jinja::parse(source));
    auto impl = std::make_unique<Impl>();
    impl->program = std::move(program);
    return ChatTemplate(std::move(impl));
}

Result<std::string> ChatTemplate::render(const nlohmann::ordered_json &variables) const {
    return jinja::evaluate(m_impl->program, variables);
}

}  // namespace facet
