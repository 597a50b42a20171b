// Where the program's own files lie: the built-in demo model, the samples of the tour, what was measured.
#pragma once

#include <optional>
#include <string>

namespace facet::cli {

// `name` below the resources ("demo-model", "samples/picture.png"): in $FACET_RESOURCES, in ../share/facet beside an
// installed program, or in the resources folder of the source tree that the program was built in.
std::optional<std::string> findResource(const std::string &name);

// Where choices that were measured on this machine are kept (facet/tuning.h): in the user's cache folder
// ($XDG_CACHE_HOME, else ~/.cache), whoever starts the engine. Empty: there is none.
std::string tuningFolder();

} // namespace facet::cli
