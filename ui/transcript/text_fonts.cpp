#include "ui/transcript/text_fonts.h"

#include "ui/theme/theme.h"

#include <QFontMetricsF>
#include <QImage>
#include <QPainter>

#include <algorithm>

namespace facet::ui {

namespace {

QFont make(const QFont &base, TextFonts::Kind kind) {
    switch (kind) {
    case TextFonts::Base: return base;
    case TextFonts::BaseStrong: return type::strong(base);
    case TextFonts::Body: return type::body(base);
    case TextFonts::Small: return type::small(base);
    case TextFonts::SmallStrong: return type::strong(type::small(base));
    case TextFonts::Caption: return type::caption(base);
    case TextFonts::CaptionStrong: return type::strong(type::caption(base));
    case TextFonts::Code: return type::code(base);
    default: return type::heading(base, kind - TextFonts::Heading + 1);
    }
}

} // namespace

const TextFonts::Face &TextFonts::face(Kind kind) const {
    Face &face = m_faces[size_t(kind)];
    if (face.height <= 0) {
        face.font = make(m_base, kind);
        face.code = kind == Code ? face.font : type::code(face.font);
        const QFontMetricsF metrics(face.font);
        face.height = std::max(1.0, metrics.height());
        face.ascent = metrics.ascent();
        face.charWidth = std::max(1.0, metrics.horizontalAdvance(QLatin1Char('m')));
        face.averageWidth = std::max(1.0, metrics.averageCharWidth());
        ++m_measured;
    }
    return face;
}

double TextFonts::heightOf(Kind kind) const {
    const Face &made = m_faces[size_t(kind)];
    return made.height > 0 ? made.height : face(Base).height * (kind == Body ? 1.07 : 0.95);
}

double TextFonts::averageWidthOf(Kind kind) const {
    const Face &made = m_faces[size_t(kind)];
    return made.height > 0 ? made.averageWidth : face(Base).averageWidth * (kind == Body ? 1.07 : 1.1);
}

bool TextFonts::warmUp() const {
    // In the order in which a conversation needs them.
    static constexpr std::array kOrder = {Base,        Body,      Caption,           Code,
                                          Small,       BaseStrong, Kind(Heading + 1), SmallStrong,
                                          Kind(Heading + 2), Heading, CaptionStrong,  Kind(Heading + 3)};
    for (const Kind kind : kOrder) {
        if (m_faces[size_t(kind)].height > 0) {
            continue;
        }
        QImage nowhere(1, 1, QImage::Format_ARGB32_Premultiplied);
        QPainter painter(&nowhere);
        painter.setFont(face(kind).font);
        painter.drawText(QPointF(0, 0), QStringLiteral("etaoinshrdlcumwfgypbvkxjqz,.()ETAOINSHRDLC0123456789"));
        return true;
    }
    return false;
}

TextFonts::Kind TextFonts::heading(int level) { return Kind(Heading + std::clamp(level, 1, 6) - 1); }

} // namespace facet::ui
