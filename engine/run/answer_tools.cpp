#include "run/answer_tools.h"

#include "run/speculation.h"

namespace facet {

Result<AnswerTools> makeAnswerTools(const LoadedModel &model, const Request &request, const BuiltPrompt &) {
    AnswerTools tools;
    tools.proposer = makeProposer(model);
    if (request.constraint.kind != OutputConstraint::Kind::None)
        return Error{ErrorCode::InvalidArgument, "This build cannot hold an answer to a form: leave out response_format."};
    return tools;
}

}  // namespace facet
