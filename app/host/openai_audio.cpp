// POST /v1/audio/transcriptions: recordings of any length, as a whole or as OpenAI's transcript.text events.
#include "host/generation.h"
#include "host/json_reader.h"
#include "host/media_url.h"
#include "host/multipart.h"
#include "host/services.h"
#include "host/sse_writer.h"
#include "tasks/default_prompts.h"

#include <charconv>
#include <memory>
#include <utility>

namespace facet::host {

namespace {

constexpr std::size_t kMaxField = 4096; // bytes of a text field

struct TranscriptionCall {
    media::Source source;
    tasks::TranscribeOptions options;
    std::string hint; // OpenAI's "prompt": words that may occur
    tasks::TranscriptFormat format = tasks::TranscriptFormat::Json;
    bool stream = false;
    bool progress = false; // x_facet.progress
};

Result<std::string> textField(const Form &form, const char *name) {
    const FormPart *part = form.find(name);
    if (!part) return std::string();
    if (part->content.size() > kMaxField) return fieldError(name, std::string("'") + name + "' is too long.");
    return std::string(part->content);
}

Result<bool> flagField(const Form &form, const char *name) {
    FACET_TRY(text, textField(form, name));
    if (text == "true" || text == "1" || text == "True") return true;
    if (text.empty() || text == "false" || text == "0" || text == "False") return false;
    return fieldError(name, std::string("'") + name + "' must be true or false.");
}

Result<media::Source> recording(const Form &form, bool allowFiles) {
    if (const FormPart *file = form.find("file")) {
        if (file->content.empty()) return fieldError("file", "'file' is empty.");
        return media::Source::memory({file->content.begin(), file->content.end()}, "the uploaded file");
    }
    FACET_TRY(url, textField(form, "url"));
    if (url.empty()) return fieldError("file", "The form needs a 'file'.");
    Result<media::Source> source = mediaFromUrl(url, allowFiles);
    if (!source) return fieldError("url", source.error().describe(), source.error().code);
    return source;
}

Status readSampling(const Form &form, SamplingOptions &sampling) {
    FACET_TRY(text, textField(form, "temperature"));
    if (text.empty()) return ok();
    float value = -1;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc() || end != text.data() + text.size() || !(value >= 0 && value <= 2)) {
        return fieldError("temperature", "'temperature' must be a number from 0 to 2.");
    }
    sampling.temperature = value;
    return ok();
}

Status readExtension(const Form &form, TranscriptionCall &call) {
    FACET_TRY(text, textField(form, "x_facet"));
    if (text.empty()) return ok();
    const Result<Json> json = parseJson(text);
    if (!json || !json->is_object()) return fieldError("x_facet", "'x_facet' must be a JSON object.");
    FACET_TRY(progress, JsonFields(*json, "x_facet").boolean("progress"));
    call.progress = progress.value_or(false);
    return ok();
}

Result<TranscriptionCall> parseCall(const HttpCall &http) {
    Result<Form> form = parseMultipart(http.contentType, http.body);
    if (!form) return form.error();
    TranscriptionCall call;
    FACET_TRY(source, recording(*form, http.privateLink));
    FACET_TRY(language, textField(*form, "language"));
    FACET_TRY(hint, textField(*form, "prompt"));
    FACET_TRY(formatName, textField(*form, "response_format"));
    FACET_TRY(stream, flagField(*form, "stream"));
    const std::optional<tasks::TranscriptFormat> format =
        tasks::transcriptFormat(formatName.empty() ? "json" : formatName);
    if (!format)
        return fieldError("response_format", "'response_format' must be json, text, srt, vtt or verbose_json.");
    FACET_CHECK(readSampling(*form, call.options.sampling));
    FACET_CHECK(readExtension(*form, call));
    call.source = std::move(source);
    call.options.language = std::move(language);
    call.hint = std::move(hint);
    call.format = *format;
    call.stream = stream;
    return call;
}

// Runs the recording through the engine, chunk by chunk; each chunk waits its turn among the other requests.
Result<tasks::Transcript> transcribe(TranscriptionCall &call, EnginePort &engine, Services &services,
                                     const CancelToken &gone, const tasks::TranscribeCallbacks &callbacks,
                                     const std::function<bool()> &idle) {
    if (!call.hint.empty()) {
        // OpenAI means words to expect, not an instruction of its own.
        call.options.prompt = tasks::transcribePrompt(engine.info(), call.options.language) +
                              "\n\nWords and names that may occur: " + call.hint;
    }
    const tasks::AnswerFn answer = [&engine, &idle](Request request, const EventSink &sink, const CancelToken &stop) {
        const RunHooks hooks{.event =
                                 [&](const Event &event) {
                                     if (sink) sink(event);
                                     return true;
                                 },
                             .idle = idle};
        Result<Answer> result = runRequest(engine, std::move(request), hooks, stop);
        if (result && result->finish == FinishReason::Cancelled) {
            return Result<Answer>(Error{ErrorCode::Cancelled, "The transcription was stopped."});
        }
        return result;
    };
    return services.transcribe(answer, engine.info(), call.source, call.options, callbacks, gone);
}

Json segmentsJson(const std::vector<tasks::TranscriptSegment> &segments) {
    Json list = Json::array();
    for (const tasks::TranscriptSegment &each : segments) {
        list.push_back({{"start", each.beginSeconds}, {"end", each.endSeconds}, {"text", each.text}});
    }
    return list;
}

struct Accepted {
    TranscriptionCall call;
    ModelSlot::Ticket ticket;
};

void stream(SseWriter &writer, std::shared_ptr<Accepted> accepted, Services &services, const CancelToken &gone) {
    TranscriptionCall &call = accepted->call;
    const auto write = [&](const Json &event) {
        if (!writer.event(jsonLine(event))) gone.cancel();
    };
    tasks::TranscribeCallbacks callbacks;
    callbacks.text = [&](std::string_view piece) { write({{"type", "transcript.text.delta"}, {"delta", piece}}); };
    if (call.progress) {
        callbacks.progress = [&](double done, double total) {
            write({{"type", "x_facet.progress"}, {"done", done}, {"total", total}});
        };
        callbacks.segments = [&](const std::vector<tasks::TranscriptSegment> &segments) {
            write({{"type", "x_facet.segments"}, {"segments", segmentsJson(segments)}});
        };
    }
    const auto idle = [&] { return writer.pingAfter(services.pingAfter); };
    const Result<tasks::Transcript> transcript =
        transcribe(call, accepted->ticket.engine(), services, gone, callbacks, idle);
    accepted.reset();
    if (!transcript) {
        writer.event(apiError(transcript.error()).json());
    } else {
        const int in = transcript->promptTokens;
        const int out = transcript->completionTokens;
        write({{"type", "transcript.text.done"},
               {"text", transcript->text},
               {"usage",
                {{"type", "tokens"}, {"input_tokens", in}, {"output_tokens", out}, {"total_tokens", in + out}}}});
    }
    writer.done();
}

HttpReply answerAudio(HttpCall &http, Services &services) {
    Result<TranscriptionCall> parsed = parseCall(http);
    if (!parsed) return errorReply(apiError(parsed.error(), true));
    http.body = {};
    auto entry = services.slot.enter(http.gone);
    if (const ApiError *refused = std::get_if<ApiError>(&entry)) return errorReply(*refused);
    auto accepted =
        std::make_shared<Accepted>(Accepted{std::move(parsed).value(), std::move(std::get<ModelSlot::Ticket>(entry))});
    if (!accepted->ticket.engine().info().hasAudio) {
        return errorReply(apiError({ErrorCode::MediaUnsupported, "The loaded model cannot hear."}));
    }
    if (accepted->call.stream) {
        HttpReply reply{.contentType = "text/event-stream"};
        auto held = std::make_shared<std::shared_ptr<Accepted>>(std::move(accepted));
        reply.stream = [held, gone = http.gone, &services](SseWriter &writer) {
            stream(writer, std::move(*held), services, gone);
        };
        return reply;
    }
    const Result<tasks::Transcript> transcript =
        transcribe(accepted->call, accepted->ticket.engine(), services, http.gone, {}, {});
    if (!transcript) return errorReply(apiError(transcript.error()));
    const tasks::TranscriptFormat format = accepted->call.format;
    HttpReply reply{.body = tasks::formatTranscript(*transcript, format)};
    const bool json = format == tasks::TranscriptFormat::Json || format == tasks::TranscriptFormat::VerboseJson;
    if (!json) reply.contentType = "text/plain; charset=utf-8";
    return reply;
}

} // namespace

void addAudioRoutes(std::vector<Route> &routes, Services &services) {
    routes.push_back({.method = "POST",
                      .path = "/v1/audio/transcriptions",
                      .handler = [&services](HttpCall &call) { return answerAudio(call, services); },
                      .bodyLimit = kPrivateBodyLimit});
}

} // namespace facet::host
