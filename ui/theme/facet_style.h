// Fusion, redrawn where it looks its age: rounded buttons and fields, thin scroll bars, calm menus and rows, one clear
// focus ring. All colours come from Theme::of(option->palette).
#pragma once

#include <QProxyStyle>

namespace facet::ui {

inline constexpr char kFacetStyleName[] = "facet";
// Dynamic properties that buttons carry.
inline constexpr char kPrimary[] = "facetPrimary"; // the one filled button of a place
inline constexpr char kQuiet[] = "facetQuiet";     // no frame until hovered
inline constexpr char kDanger[] = "facetDanger";
inline constexpr char kRound[] = "facetRound";

class FacetStyle : public QProxyStyle {
    Q_OBJECT
public:
    FacetStyle();

    void drawPrimitive(PrimitiveElement element, const QStyleOption *option, QPainter *painter,
                       const QWidget *widget) const override;
    void drawControl(ControlElement element, const QStyleOption *option, QPainter *painter,
                     const QWidget *widget) const override;
    void drawComplexControl(ComplexControl control, const QStyleOptionComplex *option, QPainter *painter,
                            const QWidget *widget) const override;
    QRect subControlRect(ComplexControl control, const QStyleOptionComplex *option, SubControl part,
                         const QWidget *widget) const override;
    QSize sizeFromContents(ContentsType type, const QStyleOption *option, const QSize &size,
                           const QWidget *widget) const override;
    QRect subElementRect(SubElement element, const QStyleOption *option, const QWidget *widget) const override;
    int pixelMetric(PixelMetric metric, const QStyleOption *option, const QWidget *widget) const override;
    int styleHint(StyleHint hint, const QStyleOption *option, const QWidget *widget,
                  QStyleHintReturn *data) const override;
    QIcon standardIcon(StandardPixmap which, const QStyleOption *option, const QWidget *widget) const override;
    using QProxyStyle::polish;
    void polish(QWidget *widget) override;

private:
    void drawScrollBar(const QStyleOptionComplex *option, QPainter *painter, const QWidget *widget) const;
    void drawMenuItem(const QStyleOption *option, QPainter *painter, const QWidget *widget) const;
};

} // namespace facet::ui
