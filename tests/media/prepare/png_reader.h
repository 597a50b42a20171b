// Reads the fixtures' PNG files (8-bit RGB, RGBA, grey or palette, not interlaced) without a decoder library; alpha over
// white. For tests only: throws on anything else.
#pragma once

#include "facet/media/prepare.h"

#include <string>

namespace facet::test {

media::Picture readPng(const std::string &path);

}  // namespace facet::test
