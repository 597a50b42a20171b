// What happens to the text of a transcribed recording (audio.md section 8, points 4 to 6): a guard against loops, joining
// the texts of overlapping chunks, subtitles. Pure functions over UTF-8; scripts without spaces count characters as words.
//
//     if (isRepeating(text)) retryInHalves(chunk);
//     std::vector<Cue> cues = cuesFor(chunk, text);      // times are approximate inside a chunk
//     writeFile("talk.srt", toSrt(cues));
#pragma once

#include "facet/media/prepare.h"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace facet::media {

// The model has run into a loop: the same four words three times (of scripts without spaces: ten characters).
bool isRepeating(std::string_view text);

// Where two texts of overlapping sound meet, in bytes: keep previous[0, previousEnd) and next[nextBegin, end).
// Nothing in common: all of both.
struct TextOverlap {
    std::size_t previousEnd = 0;
    std::size_t nextBegin = 0;
    bool found = false;
};
// Longest common run of words within the last 15 of `previous` and the first 15 of `next`, case and punctuation folded.
TextOverlap findOverlap(std::string_view previous, std::string_view next);
// Both texts as one, what they share once.
std::string mergeOverlap(std::string_view previous, std::string_view next);

// A subtitle: at most two lines of 42 characters ('\n' between them), one to seven seconds.
struct Cue {
    double begin = 0, end = 0;  // seconds
    std::string text;
};
// Sentences placed over the chunk's speech regions in proportion to their length, borders moved to nearby silences.
// Cues are in order, do not overlap and lie within the chunk; shorter than a second only where there are more cues than
// seconds.
std::vector<Cue> cuesFor(const AudioChunk &chunk, std::string_view text);

std::string toSrt(std::span<const Cue> cues);
std::string toVtt(std::span<const Cue> cues);
std::string toTxt(std::span<const Cue> cues);  // a new line after pauses of two seconds

}  // namespace facet::media
