#include "ui/theme/theme.h"

#include "ui/theme/facet_style.h"

#include <QApplication>
#include <QFontDatabase>
#include <QFontInfo>

#include <algorithm>
#include <array>

// The icons lie in this static library: without a call to this nobody would link them in. Outside of any namespace by
// the macro's own rule.
static void initIcons() { Q_INIT_RESOURCE(facet_icons); }

namespace facet::ui {

namespace {

Theme lightTheme() {
    Theme t;
    t.scheme = Scheme::Light;
    t.window = QColor(0xf4, 0xf4, 0xf6);
    t.ground = QColor(0xfd, 0xfd, 0xfe);
    t.card = QColor(0xff, 0xff, 0xff);
    t.sunken = QColor(0xf3, 0xf4, 0xf7);
    t.bubble = QColor(0xea, 0xef, 0xfc);
    t.border = QColor(0xe2, 0xe4, 0xea);
    t.borderStrong = QColor(0xc4, 0xc8, 0xd2);
    t.text = QColor(0x1a, 0x1c, 0x22);
    t.muted = QColor(0x5a, 0x60, 0x6e);
    t.faint = QColor(0x77, 0x7d, 0x8b);
    t.accent = QColor(0x2f, 0x55, 0xd4);
    t.onAccent = QColor(0xff, 0xff, 0xff);
    t.accentSoft = QColor(0xe3, 0xe9, 0xfb);
    t.hover = QColor(0x10, 0x18, 0x30, 16);
    t.selection = QColor(0xbf, 0xd0, 0xff);
    t.danger = QColor(0xb4, 0x23, 0x3c);
    t.dangerSoft = QColor(0xfb, 0xec, 0xee);
    t.success = QColor(0x1a, 0x7a, 0x4c);
    t.warning = QColor(0x8a, 0x5a, 0x00);
    t.warningSoft = QColor(0xfd, 0xf4, 0xdf);
    t.match = QColor(0xff, 0xee, 0xa8);
    t.matchCurrent = QColor(0xff, 0xc9, 0x4d);
    t.codeKeyword = QColor(0x8a, 0x2b, 0xae);
    t.codeString = QColor(0x1a, 0x74, 0x45);
    t.codeComment = QColor(0x6d, 0x74, 0x82);
    t.codeNumber = QColor(0xa8, 0x4a, 0x0c);
    t.codeName = QColor(0x24, 0x4f, 0xc0);
    t.shadow = QColor(0x10, 0x18, 0x30, 22);
    return t;
}

Theme darkTheme() {
    Theme t;
    t.scheme = Scheme::Dark;
    t.window = QColor(0x16, 0x17, 0x1b);
    t.ground = QColor(0x1c, 0x1d, 0x22);
    t.card = QColor(0x25, 0x27, 0x2e);
    t.sunken = QColor(0x15, 0x16, 0x1a);
    t.bubble = QColor(0x2a, 0x31, 0x48);
    t.border = QColor(0x34, 0x37, 0x41);
    t.borderStrong = QColor(0x4c, 0x51, 0x5f);
    t.text = QColor(0xe9, 0xea, 0xee);
    t.muted = QColor(0xab, 0xb0, 0xbd);
    t.faint = QColor(0x8a, 0x90, 0x9e);
    t.accent = QColor(0x8f, 0xab, 0xff);
    t.onAccent = QColor(0x10, 0x14, 0x26);
    t.accentSoft = QColor(0x2b, 0x33, 0x4f);
    t.hover = QColor(0xff, 0xff, 0xff, 16);
    t.selection = QColor(0x3d, 0x51, 0x8f);
    t.danger = QColor(0xff, 0x8d, 0x9b);
    t.dangerSoft = QColor(0x3c, 0x23, 0x2a);
    t.success = QColor(0x6f, 0xd3, 0xa0);
    t.warning = QColor(0xf0, 0xc0, 0x6a);
    t.warningSoft = QColor(0x39, 0x30, 0x1f);
    t.match = QColor(0x5a, 0x4d, 0x1c);
    t.matchCurrent = QColor(0x8f, 0x6e, 0x0e);
    t.codeKeyword = QColor(0xd7, 0xa0, 0xf5);
    t.codeString = QColor(0x9a, 0xd8, 0xa6);
    t.codeComment = QColor(0x88, 0x90, 0xa0);
    t.codeNumber = QColor(0xf0, 0xb0, 0x80);
    t.codeName = QColor(0x9c, 0xb8, 0xff);
    t.shadow = QColor(0, 0, 0, 90);
    return t;
}

Theme highContrastTheme() {
    Theme t = darkTheme();
    t.scheme = Scheme::HighContrast;
    t.window = t.ground = t.card = t.sunken = QColor(0, 0, 0);
    t.bubble = QColor(0x10, 0x10, 0x38);
    t.border = t.borderStrong = QColor(0xff, 0xff, 0xff);
    t.text = t.muted = t.faint = QColor(0xff, 0xff, 0xff);
    t.accent = QColor(0xff, 0xe1, 0x00);
    t.onAccent = QColor(0, 0, 0);
    t.accentSoft = QColor(0x33, 0x2f, 0x00);
    t.hover = QColor(0xff, 0xff, 0xff, 48);
    t.selection = QColor(0x00, 0x4c, 0xd8);
    t.danger = QColor(0xff, 0x9d, 0x9d);
    t.dangerSoft = QColor(0x38, 0, 0);
    t.success = QColor(0x7d, 0xff, 0xa8);
    t.warning = QColor(0xff, 0xe1, 0x00);
    t.warningSoft = QColor(0x22, 0x20, 0x00);
    t.codeComment = QColor(0xd0, 0xd0, 0xd0);
    t.shadow = Qt::transparent;
    return t;
}

// Families that read well on a screen, used only where the desktop names none of its own.
QString screenFamily() {
    const QStringList families = QFontDatabase::families();
    for (const char *name : {"Inter", "Cantarell", "Ubuntu", "Noto Sans", "Open Sans", "DejaVu Sans"}) {
        if (families.contains(QLatin1String(name))) {
            return QLatin1String(name);
        }
    }
    return {};
}

// The font of the desktop as it was before any scaling of ours.
QFont systemFont() {
    QFont font = QFontDatabase::systemFont(QFontDatabase::GeneralFont);
    const QString resolved = QFontInfo(font).family();
    const bool generic = font.family().isEmpty() || font.family() == QLatin1String("Sans Serif") ||
                         resolved == QLatin1String("DejaVu Sans");
    if (generic) {
        if (const QString family = screenFamily(); !family.isEmpty()) {
            font.setFamily(family);
        }
    }
    if (font.pointSizeF() > 0) {
        font.setPointSizeF(std::clamp(font.pointSizeF(), 10.0, 18.0));
    }
    font.setHintingPreference(QFont::PreferNoHinting);
    return font;
}

QFont scaled(const QFont &base, double factor) {
    QFont font = base;
    if (base.pointSizeF() > 0) {
        font.setPointSizeF(base.pointSizeF() * factor);
    } else {
        font.setPixelSize(std::max(6, int(base.pixelSize() * factor + 0.5)));
    }
    return font;
}

} // namespace

const Theme &Theme::of(Scheme scheme) {
    static const Theme light = lightTheme();
    static const Theme dark = darkTheme();
    static const Theme highContrast = highContrastTheme();
    switch (scheme) {
    case Scheme::Dark: return dark;
    case Scheme::HighContrast: return highContrast;
    case Scheme::System:
    case Scheme::Light: break;
    }
    return light;
}

const Theme &Theme::of(const QPalette &palette) {
    const QColor window = palette.color(QPalette::Active, QPalette::Window);
    if (window == of(Scheme::HighContrast).window) {
        return of(Scheme::HighContrast);
    }
    return of(window.lightness() < 128 ? Scheme::Dark : Scheme::Light);
}

QPalette Theme::palette() const {
    QPalette p;
    const auto all = [&p](QPalette::ColorRole role, const QColor &colour) { p.setColor(QPalette::All, role, colour); };
    all(QPalette::Window, window);
    all(QPalette::WindowText, text);
    all(QPalette::Base, card);
    all(QPalette::AlternateBase, sunken);
    all(QPalette::Text, text);
    all(QPalette::Button, card);
    all(QPalette::ButtonText, text);
    all(QPalette::BrightText, onAccent);
    all(QPalette::Highlight, accent);
    all(QPalette::HighlightedText, onAccent);
    all(QPalette::Link, accent);
    all(QPalette::LinkVisited, accent);
    all(QPalette::PlaceholderText, faint);
    all(QPalette::ToolTipBase, isDark() ? card : text);
    all(QPalette::ToolTipText, isDark() ? text : ground);
    all(QPalette::Light, isDark() ? borderStrong : card);
    all(QPalette::Midlight, border);
    all(QPalette::Mid, border);
    all(QPalette::Dark, borderStrong);
    all(QPalette::Shadow, shadow);
    for (const QPalette::ColorRole role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText}) {
        QColor disabled = faint;
        disabled.setAlphaF(scheme == Scheme::HighContrast ? 0.8f : 0.65f);
        p.setColor(QPalette::Disabled, role, disabled);
    }
    return p;
}

QColor Theme::labelColour(int index) {
    static const std::array<QColor, 10> colours = {
        QColor(0x2f, 0x6f, 0xed), QColor(0xe0, 0x4f, 0x1f), QColor(0x12, 0x9a, 0x62), QColor(0xb4, 0x3a, 0xc8),
        QColor(0xd9, 0x9a, 0x00), QColor(0x0b, 0x9c, 0xb5), QColor(0xd8, 0x2c, 0x6a), QColor(0x6a, 0x8f, 0x0f),
        QColor(0x7a, 0x55, 0xe8), QColor(0x9b, 0x5a, 0x2a)};
    return colours[size_t(std::max(0, index)) % colours.size()];
}

namespace type {

QFont body(const QFont &base) { return scaled(base, 1.07); }
QFont small(const QFont &base) { return scaled(base, 0.92); }
QFont caption(const QFont &base) { return scaled(base, 0.84); }

QFont strong(const QFont &base) {
    QFont font = base;
    font.setWeight(QFont::DemiBold);
    return font;
}

QFont title(const QFont &base) { return strong(scaled(base, 1.7)); }

QFont heading(const QFont &base, int level) {
    static constexpr std::array<double, 6> kFactors = {1.5, 1.3, 1.16, 1.07, 1.0, 0.95};
    return strong(scaled(base, kFactors[size_t(std::clamp(level, 1, 6) - 1)]));
}

QFont code(const QFont &base) {
    QFont font = scaled(base, 0.95);
    font.setFamilies({QFontDatabase::systemFont(QFontDatabase::FixedFont).family(), QStringLiteral("DejaVu Sans Mono"),
                      QStringLiteral("monospace")});
    font.setStyleHint(QFont::Monospace);
    font.setFixedPitch(true);
    return font;
}

} // namespace type

void applyTheme(Scheme scheme, double textScale) {
    initIcons();
    // What the desktop asks for has to be read before our own palette covers it: the style's standard palette does not
    // know it, the platform's one is what a fresh QPalette resolves to.
    Scheme effective = scheme;
    if (scheme == Scheme::System) {
        QApplication::setPalette(QPalette());
        effective = QApplication::palette().color(QPalette::Window).lightness() < 128 ? Scheme::Dark : Scheme::Light;
    }
    if (QApplication::style()->objectName() != QLatin1String(kFacetStyleName)) {
        QApplication::setStyle(new FacetStyle); // the application takes it
    }
    QApplication::setPalette(Theme::of(effective).palette());
    QApplication::setFont(scaled(systemFont(), std::clamp(textScale, 0.7, 2.5)));
}

} // namespace facet::ui
