// The tokenizer of an open checkpoint, whichever of the two kinds of files it lies in.
#pragma once

#include "load/weights.h"
#include "text/tokenizer.h"

namespace facet {

// Errors: FileNotFound (no tokenizer), ModelFileCorrupt (also: more pieces than the model has rows), ModelUnsupported.
Result<Tokenizer> openTokenizer(const Checkpoint &checkpoint);

}  // namespace facet
