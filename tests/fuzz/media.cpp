// Files of unknown worth through every decoder: pictures, sound, film, and the header reader.
#include "facet/media/decode.h"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    using namespace facet::media;
    const Source source = Source::memory({data, data + size}, "input");
    DecodeLimits limits;
    limits.maxPixels = 1'000'000;
    limits.maxSeconds = 60;
    limits.maxDecodeSecondsPerPicture = 5;
    (void)sniff(source);
    (void)probeMedia(source, limits);
    (void)decodePicture(source, limits);
    (void)decodeSoundAll(source, 100'000, limits);
    (void)decodeFilm(source, 2, limits);
    return 0;
}
