// Where the built-in demo model and the samples lie: $FACET_RESOURCES, beside an installed program, or in the sources of a development
// build.
#pragma once

#include <QString>

namespace facet::chat {

QString demoModelFolder(); // empty if there is none
// A file of the resources that come with the program ("samples/scene.png"); empty if there is none.
QString resourceFile(const QString &name);

} // namespace facet::chat
