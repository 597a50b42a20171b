// A transcript as text, subtitles or JSON.
#include "facet/media/transcript.h"
#include "tasks/transcription.h"

#include <nlohmann/json.hpp>

namespace facet::tasks {

namespace {

using Json = nlohmann::ordered_json;

std::vector<media::Cue> cuesOf(const Transcript &transcript) {
    std::vector<media::Cue> cues;
    for (const TranscriptSegment &s : transcript.segments) cues.push_back({s.beginSeconds, s.endSeconds, s.text});
    return cues;
}

std::string onOneLine(std::string text) {
    for (char &c : text) c = c == '\n' ? ' ' : c;
    return text;
}

std::string dumped(const Json &json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string verboseJson(const Transcript &transcript) {
    Json segments = Json::array();
    for (const TranscriptSegment &s : transcript.segments) {
        segments.push_back(
            {{"id", segments.size()}, {"start", s.beginSeconds}, {"end", s.endSeconds}, {"text", onOneLine(s.text)}});
    }
    return dumped({{"task", "transcribe"},
                   {"language", transcript.language},
                   {"duration", transcript.seconds},
                   {"text", transcript.text},
                   {"segments", std::move(segments)}});
}

} // namespace

std::optional<TranscriptFormat> transcriptFormat(std::string_view name) {
    if (name == "text" || name == "txt") return TranscriptFormat::Text;
    if (name == "srt") return TranscriptFormat::Srt;
    if (name == "vtt") return TranscriptFormat::Vtt;
    if (name == "json") return TranscriptFormat::Json;
    if (name == "verbose_json") return TranscriptFormat::VerboseJson;
    return std::nullopt;
}

std::string formatTranscript(const Transcript &transcript, TranscriptFormat format) {
    switch (format) {
    case TranscriptFormat::Text: return transcript.text + "\n";
    case TranscriptFormat::Srt: return media::toSrt(cuesOf(transcript));
    case TranscriptFormat::Vtt: return media::toVtt(cuesOf(transcript));
    case TranscriptFormat::Json: return dumped({{"text", transcript.text}});
    case TranscriptFormat::VerboseJson: return verboseJson(transcript);
    }
    return {};
}

} // namespace facet::tasks
