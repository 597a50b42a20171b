#include "run/answer_tools.h"

namespace facet {

Result<AnswerTools> makeAnswerTools(const LoadedModel &, const Request &request, const BuiltPrompt &) {
    AnswerTools tools;
    if (request.constraint.kind != OutputConstraint::Kind::None)
        return Error{ErrorCode::InvalidArgument, "This build cannot hold an answer to a form: leave out response_format."};
    return tools;
}

}  // namespace facet
