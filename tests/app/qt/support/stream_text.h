// The text that the killed program streams: known from the id of its message, so that the survivor can check every
// letter.
#pragma once

#include <QString>

namespace facet::test {

inline constexpr int kAnswerLength = 1000;

inline QString streamedText(qint64 id, int length) {
    QString text;
    text.reserve(length);
    for (int i = 0; i < length; ++i) {
        text += QChar(static_cast<char16_t>(u'a' + (id * 7 + i) % 26));
    }
    return text;
}

} // namespace facet::test
