// Names of phases as the host sends them (app/host/PROTOCOL.md) and as scripts write them.
#pragma once

#include "chat/types.h"

#include <optional>

namespace facet::client {

std::optional<chat::TurnPhase> phaseFromName(const QString &name);

} // namespace facet::client
