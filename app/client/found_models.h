// The answer to GET /x_facet/models/found of the own host: models of other programs on this computer.
#pragma once

#include "chat/types.h"

#include <QJsonObject>

namespace facet::client {

// Entries without a path or of an unknown role are left out; at most 500.
QVector<chat::FoundModel> readFoundModels(const QJsonObject &answer);

} // namespace facet::client
