// Where the built-in demo model lies: $FACET_RESOURCES, beside an installed program, or in the sources of a development
// build.
#pragma once

#include <QString>

namespace facet::chat {

QString demoModelFolder(); // empty if there is none

} // namespace facet::chat
