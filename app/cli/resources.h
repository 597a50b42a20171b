// Where the program's own files lie: the built-in demo model and the samples of the tour.
#pragma once

#include <optional>
#include <string>

namespace facet::cli {

// `name` below the resources ("demo-model", "samples/picture.png"): in $FACET_RESOURCES, in ../share/facet beside an
// installed program, or in the resources folder of the source tree that the program was built in.
std::optional<std::string> findResource(const std::string &name);

} // namespace facet::cli
