#include "facet/probe.h"
#include "text/chat_format.h"

#include <nlohmann/json.hpp>

namespace facet {

Result<std::string> probeChat(const std::string &templateText, const std::string &variablesJson) {
    auto variables = nlohmann::ordered_json::parse(variablesJson, nullptr, false);
    if (!variables.is_object())
        return Error{ErrorCode::InvalidArgument, "The variables of a chat template must be one JSON object."};
    // A null variable counts as one that was not given.
    for (auto it = variables.begin(); it != variables.end();) it = it->is_null() ? variables.erase(it) : std::next(it);
    if (!variables.contains("bos_token")) variables["bos_token"] = "<bos>";
    FACET_TRY(compiled, ChatTemplate::compile(templateText));
    return compiled.render(variables);
}

}  // namespace facet
