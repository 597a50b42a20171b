// The one place that knows colours, spacing and type. The palette that applyTheme() installs is the only carrier: a
// widget asks Theme::of(palette()) while it paints, so a change of scheme needs no other news than PaletteChange.
//
//     const Theme &theme = Theme::of(palette());
//     painter.fillRect(rect(), theme.ground);
#pragma once

#include <QColor>
#include <QFont>
#include <QPalette>
#include <QString>

namespace facet::ui {

enum class Scheme { System, Light, Dark, HighContrast };

struct Theme {
    Scheme scheme = Scheme::Light; // never System
    QColor window;                 // side bar, behind everything
    QColor ground;                 // transcript
    QColor card;                   // raised: composer, cards, menus
    QColor sunken;                 // code, fields inside cards
    QColor bubble;                 // what the user said
    QColor border, borderStrong;
    QColor text, muted, faint;
    QColor accent, onAccent, accentSoft; // soft: tinted ground of a chosen row
    QColor hover;                        // over window and ground
    QColor selection;                    // selected text
    QColor danger, dangerSoft, success, warning, warningSoft;
    QColor match, matchCurrent; // find in chat
    QColor codeKeyword, codeString, codeComment, codeNumber, codeName;
    QColor shadow;

    bool isDark() const { return scheme != Scheme::Light; }

    static const Theme &of(const QPalette &palette);
    static const Theme &of(Scheme scheme); // System: light
    QPalette palette() const;

    // Colour of the n-th label in a picture: told apart from its neighbours and readable as a line on any ground.
    static QColor labelColour(int index);
};

// Steps of 4 px; the only distances used.
namespace space {
constexpr int kXs = 4, kS = 8, kM = 12, kL = 16, kXl = 24, kXxl = 32;
constexpr int kRadius = 10, kRadiusSmall = 6;
constexpr int kColumn = 760; // widest line of the transcript and the composer
} // namespace space

// Type scale, relative to the widget's own font so that the text size of the window scales all of it.
namespace type {
QFont body(const QFont &base);    // 1.07
QFont small(const QFont &base);   // 0.9
QFont caption(const QFont &base); // 0.82
QFont strong(const QFont &base);
QFont title(const QFont &base);              // 1.6, semi-bold
QFont heading(const QFont &base, int level); // 1..6
QFont code(const QFont &base);
} // namespace type

// Installs style, palette and font on the application. textScale 1.0 is the system's size.
void applyTheme(Scheme scheme, double textScale = 1.0);

} // namespace facet::ui
