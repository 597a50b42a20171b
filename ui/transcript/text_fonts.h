// The fonts of the transcript for one size of text, with what is asked of each again and again. Finding what draws a font
// and measuring it takes up to a millisecond, so each is made once, and measured when somebody needs it.
//
//     const TextFonts fonts(widget->font());
//     const int row = int(std::ceil(fonts.face(TextFonts::Code).height * 1.4));
#pragma once

#include <QFont>

#include <array>

namespace facet::ui {

class TextFonts {
public:
    // Heading: the first of six; see heading().
    enum Kind { Base, BaseStrong, Body, Small, SmallStrong, Caption, CaptionStrong, Code, Heading, Count = Heading + 6 };

    struct Face {
        QFont font, code; // code: what is set in the fixed font inside of a text in this one
        double height = 0, ascent = 0, charWidth = 0, averageWidth = 0; // charWidth: of an m
    };

    explicit TextFonts(QFont base) : m_base(std::move(base)) {}

    const QFont &base() const { return m_base; }
    const Face &face(Kind kind) const;
    const QFont &font(Kind kind) const { return face(kind).font; }
    static Kind heading(int level);
    int measured() const { return m_measured; } // faces that were needed so far
    // As good as face() where a guess will do, without looking for a font.
    double heightOf(Kind kind) const;
    double averageWidthOf(Kind kind) const;
    // Makes one more face ready, with the letters that most texts consist of. False: all of them are.
    bool warmUp() const;

private:
    QFont m_base;
    mutable std::array<Face, Count> m_faces;
    mutable int m_measured = 0;
};

} // namespace facet::ui
