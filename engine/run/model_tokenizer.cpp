#include "run/model_tokenizer.h"

#include "load/gguf_vocabulary.h"

namespace facet {

namespace {

Result<Tokenizer> fromVocabulary(const Checkpoint &checkpoint) {
    const GgufVocabulary &v = *checkpoint.vocabulary;
    return Tokenizer::fromPieces({v.pieces, v.kinds, v.scores, v.merges, v.unknown}, checkpoint.tokenizerFile);
}

}  // namespace

Result<Tokenizer> openTokenizer(const Checkpoint &checkpoint) {
    const bool insideModel = checkpoint.tokenizerFile == checkpoint.path;
    if (insideModel && !checkpoint.vocabulary) {
        return Error{ErrorCode::FileNotFound, "The model file has no tokenizer, so it cannot read text; get another one.",
                     "key tokenizer.ggml.tokens is missing", checkpoint.tokenizerFile};
    }
    FACET_TRY(tokenizer, insideModel ? fromVocabulary(checkpoint) : Tokenizer::fromFile(checkpoint.tokenizerFile));
    if (tokenizer.size() > checkpoint.config.text.vocabularySize) {
        return Error{ErrorCode::ModelFileCorrupt,
                     "The tokenizer has more pieces than the model: the two files do not belong together.",
                     std::to_string(tokenizer.size()) + " pieces, " +
                         std::to_string(checkpoint.config.text.vocabularySize) + " rows",
                     checkpoint.tokenizerFile};
    }
    return tokenizer;
}

}  // namespace facet
