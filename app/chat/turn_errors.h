// Every sentence about a turn that did not go as hoped, in one place: what happened, what was kept, what to do.
#pragma once

#include "client/chat_request.h"

namespace facet::chat {

QString failureSentence(const client::Failure &failure, bool remote);
QString stoppedNotice();
QString lengthNotice();
QString emptyAnswerNotice();
QString malformedCallNotice();
QString tooManyToolRoundsNotice();
QString declinedResult(); // what the model is told
QString toolStoppedResult();

} // namespace facet::chat
