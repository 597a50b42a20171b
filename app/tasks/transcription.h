// Recordings of any length to text, on top of the engine (audio.md section 8): plan chunks at silences, ask the model
// for each, retry a bad one in halves, merge overlaps, write cues. Used by `facet-cli transcribe` and by the host.
//
//     tasks::AnswerFn ask = [&](Request r, const EventSink &sink, const CancelToken &stop) {
//         return engine->generate(std::move(r), sink, stop);
//     };
//     auto transcript = tasks::transcribe(ask, engine->info(), media::Source::file("talk.mp3"), {}, {}, cancel);
//     if (transcript) puts(tasks::formatTranscript(*transcript, tasks::TranscriptFormat::Srt).c_str());
#pragma once

#include "facet/engine.h"
#include "facet/media/decode.h"
#include "facet/result.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace facet::tasks {

// Engine::generate, or a fake of it.
using AnswerFn = std::function<Result<Answer>(Request request, const EventSink &sink, const CancelToken &cancel)>;

struct TranscribeOptions {
    std::string language; // "German" or "de"; empty: the recording's own
    std::string prompt;   // replaces the default instruction when not empty
    SamplingOptions sampling{.temperature = 0.0F};
    std::string journalPath; // finished chunks are appended here and found again on the next run; empty: no journal
    media::DecodeLimits limits;
};

// One cue: times inside a chunk are approximate (proportional to characters between the speech regions).
struct TranscriptSegment {
    double beginSeconds = 0, endSeconds = 0;
    std::string text;
};

struct Transcript {
    std::string text;                        // everything, chunks joined by a space
    std::vector<TranscriptSegment> segments; // cues of at most two lines
    double seconds = 0;                      // length of the recording
    std::string language;                    // as asked for, may be empty
    int promptTokens = 0, completionTokens = 0;
    int doubtfulChunks = 0; // still repeating or empty after the retry; their text is kept
    int resumedChunks = 0;  // taken from the journal
};

struct TranscribeCallbacks {
    // Seconds of sound done / in all. Called on the thread that runs transcribe().
    std::function<void(double secondsDone, double secondsTotal)> progress;
    // New text in order, a chunk at a time once it is settled (a chunk may be asked again or lose words to its
    // neighbour): pieces joined together are exactly Transcript::text.
    std::function<void(std::string_view piece)> text;
    // Cues of a chunk that is settled.
    std::function<void(const std::vector<TranscriptSegment> &segments)> segments;
};

// Errors: MediaUnsupported (the model does not hear), everything decodeSound and the engine say, Cancelled.
Result<Transcript> transcribe(const AnswerFn &answer, const ModelInfo &model, const media::Source &source,
                              const TranscribeOptions &options = {}, const TranscribeCallbacks &callbacks = {},
                              const CancelToken &cancel = {});

enum class TranscriptFormat : std::uint8_t { Text, Srt, Vtt, Json, VerboseJson };
// "text" or "txt", "srt", "vtt", "json", "verbose_json".
std::optional<TranscriptFormat> transcriptFormat(std::string_view name);
// Json: {"text"}; VerboseJson: OpenAI's {"task","language","duration","text","segments":[{"id","start","end","text"}]}.
std::string formatTranscript(const Transcript &transcript, TranscriptFormat format);

} // namespace facet::tasks
