// How models are loaded, kept in the settings: the type of the cache and the memory for all of them; weights, drafter,
// adapters, projector and title for each model by its path.
#pragma once

#include "chat/types.h"

namespace facet::store {
class Settings;
}

namespace facet::chat {

LoadSettings readLoadSettings(const store::Settings &settings, const QString &model);
void writeLoadSettings(store::Settings &settings, const QString &model, const LoadSettings &values);

} // namespace facet::chat
