// Combo boxes, spin boxes, tool buttons, scroll bars; and the measures of all.
#include "ui/theme/facet_style.h"

#include "ui/theme/facet_style_paint.h"
#include "ui/theme/theme.h"

#include <QAbstractItemView>
#include <QAbstractSpinBox>
#include <QComboBox>
#include <QLineEdit>
#include <QPainter>
#include <QPainterPath>
#include <QScrollBar>
#include <QStyleOption>
#include <QToolButton>

namespace facet::ui {

void FacetStyle::drawComplexControl(ComplexControl control, const QStyleOptionComplex *option, QPainter *painter,
                                    const QWidget *widget) const {
    const Theme &theme = Theme::of(option->palette);
    if (control == CC_ScrollBar) {
        drawScrollBar(option, painter, widget);
        return;
    }
    if (control == CC_ComboBox) {
        const auto *box = qstyleoption_cast<const QStyleOptionComboBox *>(option);
        if (box && !box->editable) {
            const bool focus = option->state & State_HasFocus;
            panel(painter, option->rect,
                  option->state & State_MouseOver ? mixed(theme.card, theme.text, 0.04) : theme.card,
                  focus ? theme.accent : theme.borderStrong, kButtonRadius, focus ? 2 : 1);
            painter->save();
            painter->setRenderHint(QPainter::Antialiasing);
            painter->setPen(QPen(theme.muted, 1.6, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin));
            const QPointF c(option->rect.right() - 15, option->rect.center().y() + 0.5);
            painter->drawPolyline(QPolygonF({c + QPointF(-4, -2), c + QPointF(0, 2), c + QPointF(4, -2)}));
            painter->restore();
            return;
        }
    }
    if (control == CC_SpinBox) {
        const auto *box = qstyleoption_cast<const QStyleOptionSpinBox *>(option);
        if (box && box->frame) {
            const bool focus = option->state & State_HasFocus, enabled = option->state & State_Enabled;
            panel(painter, option->rect, theme.card,
                  focus     ? theme.accent
                  : enabled ? theme.borderStrong
                            : theme.border,
                  kButtonRadius, focus ? 2 : 1);
            painter->save();
            painter->setRenderHint(QPainter::Antialiasing);
            for (const SubControl part : {SC_SpinBoxUp, SC_SpinBoxDown}) {
                const bool can =
                    enabled && (box->stepEnabled & (part == SC_SpinBoxUp ? QAbstractSpinBox::StepUpEnabled
                                                                         : QAbstractSpinBox::StepDownEnabled));
                const bool hot = can && (option->activeSubControls & part);
                painter->setPen(QPen(hot   ? theme.accent
                                     : can ? theme.muted
                                           : theme.border,
                                     1.5, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin));
                const QPointF c = QRectF(proxy()->subControlRect(CC_SpinBox, box, part, widget)).center();
                const qreal lift = part == SC_SpinBoxUp ? 1.5 : -1.5;
                painter->drawPolyline(
                    QPolygonF({c + QPointF(-3.5, lift), c + QPointF(0, -lift), c + QPointF(3.5, lift)}));
            }
            painter->restore();
            return;
        }
    }
    if (control == CC_ToolButton) {
        if (const auto *button = qstyleoption_cast<const QStyleOptionToolButton *>(option)) {
            // One flat panel for the whole button, label upon it, a small arrow where a menu hangs.
            QStyleOption panelOption = *button;
            panelOption.state &= ~(State_Sunken | State_On | State_MouseOver);
            if (button->state & State_Sunken) panelOption.state |= State_Sunken;
            if (button->state & State_On) panelOption.state |= State_On;
            if (button->state & State_MouseOver) panelOption.state |= State_MouseOver;
            proxy()->drawPrimitive(PE_PanelButtonTool, &panelOption, painter, widget);
            if (button->state & State_HasFocus) {
                QStyleOptionFocusRect ring;
                ring.QStyleOption::operator=(*button);
                if (button->state & State_KeyboardFocusChange) {
                    proxy()->drawPrimitive(PE_FrameFocusRect, &ring, painter, widget);
                }
            }
            QStyleOptionToolButton label = *button;
            const bool menu =
                button->features & QStyleOptionToolButton::HasMenu && button->toolButtonStyle != Qt::ToolButtonIconOnly;
            label.rect = button->rect.adjusted(8, 0, menu ? -20 : -8, 0);
            if (button->toolButtonStyle == Qt::ToolButtonIconOnly) {
                label.rect = button->rect;
            }
            label.state &= ~(State_Sunken | State_MouseOver);
            if (hasMark(widget, kPrimary)) {
                label.palette.setColor(QPalette::ButtonText, theme.onAccent);
            }
            proxy()->drawControl(CE_ToolButtonLabel, &label, painter, widget);
            if (menu) {
                painter->save();
                painter->setRenderHint(QPainter::Antialiasing);
                painter->setPen(QPen(theme.muted, 1.5, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin));
                const QPointF c(button->rect.right() - 12, button->rect.center().y() + 0.5);
                painter->drawPolyline(QPolygonF({c + QPointF(-3.5, -2), c + QPointF(0, 1.5), c + QPointF(3.5, -2)}));
                painter->restore();
            }
            return;
        }
    }
    QProxyStyle::drawComplexControl(control, option, painter, widget);
}

void FacetStyle::drawScrollBar(const QStyleOptionComplex *option, QPainter *painter, const QWidget *widget) const {
    const auto *bar = qstyleoption_cast<const QStyleOptionSlider *>(option);
    if (!bar) {
        return;
    }
    const Theme &theme = Theme::of(option->palette);
    const bool active = (bar->state & State_MouseOver) || (bar->state & State_Sunken);
    QRect handle = proxy()->subControlRect(CC_ScrollBar, bar, SC_ScrollBarSlider, widget);
    if (bar->maximum <= bar->minimum) {
        return;
    }
    const int thick = active ? 8 : 6;
    if (bar->orientation == Qt::Vertical) {
        handle = QRect(handle.right() - thick - 1, handle.y() + 2, thick, handle.height() - 4);
    } else {
        handle = QRect(handle.x() + 2, handle.bottom() - thick - 1, handle.width() - 4, thick);
    }
    QColor ink = theme.text;
    ink.setAlpha(theme.scheme == Scheme::HighContrast ? 255 : active ? 110 : 56);
    panel(painter, handle, ink, Qt::transparent, thick / 2.0);
}

// Text begins where that of a line edit does.
QRect FacetStyle::subControlRect(ComplexControl control, const QStyleOptionComplex *option, SubControl part,
                                 const QWidget *widget) const {
    const QRect rect = QProxyStyle::subControlRect(control, option, part, widget);
    const bool text = (control == CC_ComboBox && part == SC_ComboBoxEditField) ||
                      (control == CC_SpinBox && part == SC_SpinBoxEditField);
    constexpr int kInset = 5;
    if (!text || !option) return rect;
    return option->direction == Qt::RightToLeft ? rect.adjusted(0, 0, -kInset, 0) : rect.adjusted(kInset, 0, 0, 0);
}

QSize FacetStyle::sizeFromContents(ContentsType type, const QStyleOption *option, const QSize &size,
                                   const QWidget *widget) const {
    QSize result = QProxyStyle::sizeFromContents(type, option, size, widget);
    // Fields and buttons of one line are equally high, whatever is inside of them.
    const int line = qMax(option ? option->fontMetrics.height() + 16 : 0, 34);
    switch (type) {
    case CT_PushButton: return {result.width() + 12, qMax(result.height(), line)};
    case CT_LineEdit: return {result.width(), line};
    case CT_ComboBox: return {result.width() + 16, line};
    case CT_SpinBox: return {result.width() + 13, line};
    case CT_MenuBarItem: return {result.width() + 6, result.height() + 8};
    case CT_ToolButton:
        if (const auto *button = qstyleoption_cast<const QStyleOptionToolButton *>(option)) {
            if (button->toolButtonStyle == Qt::ToolButtonIconOnly) {
                return {qMax(button->iconSize.width() + 14, 32), qMax(button->iconSize.height() + 14, 32)};
            }
            const bool menu = button->features & QStyleOptionToolButton::HasMenu;
            return {size.width() + (menu ? 32 : 20), qMax(size.height() + 10, 32)};
        }
        return result;
    case CT_MenuItem:
        if (const auto *item = qstyleoption_cast<const QStyleOptionMenuItem *>(option)) {
            if (item->menuItemType == QStyleOptionMenuItem::Separator) {
                return {result.width(), 9};
            }
            const int tabGap = item->text.contains(QLatin1Char('\t')) ? 24 : 0;
            return {size.width() + 62 + tabGap, qMax(size.height() + 8, 32)};
        }
        return result;
    default: return result;
    }
}

QRect FacetStyle::subElementRect(SubElement element, const QStyleOption *option, const QWidget *widget) const {
    switch (element) {
    case SE_PushButtonFocusRect: return option->rect;
    case SE_LineEditContents: {
        const auto *edit = qobject_cast<const QLineEdit *>(widget);
        return edit && edit->hasFrame() ? option->rect.adjusted(8, 1, -8, -1)
                                        : QProxyStyle::subElementRect(element, option, widget);
    }
    case SE_ProgressBarContents:
    case SE_ProgressBarGroove: return option->rect;
    default: return QProxyStyle::subElementRect(element, option, widget);
    }
}

int FacetStyle::pixelMetric(PixelMetric metric, const QStyleOption *option, const QWidget *widget) const {
    switch (metric) {
    case PM_ScrollBarExtent: return 12;
    case PM_ScrollView_ScrollBarSpacing: return 0;
    case PM_ScrollView_ScrollBarOverlap: return 0;
    case PM_MenuPanelWidth: return 0;
    case PM_MenuVMargin: return 6;
    case PM_MenuHMargin: return 0;
    case PM_MenuBarPanelWidth: return 0;
    case PM_MenuBarVMargin: return 2;
    case PM_MenuBarHMargin: return 6;
    case PM_MenuBarItemSpacing: return 2;
    case PM_ButtonShiftHorizontal:
    case PM_ButtonShiftVertical: return 0;
    case PM_SplitterWidth: return 5;
    case PM_IndicatorWidth:
    case PM_IndicatorHeight:
    case PM_ExclusiveIndicatorWidth:
    case PM_ExclusiveIndicatorHeight: return 18;
    case PM_LayoutHorizontalSpacing:
    case PM_LayoutVerticalSpacing: return space::kS;
    case PM_SmallIconSize:
    case PM_ButtonIconSize: return 18;
    default: return QProxyStyle::pixelMetric(metric, option, widget);
    }
}

int FacetStyle::styleHint(StyleHint hint, const QStyleOption *option, const QWidget *widget,
                          QStyleHintReturn *data) const {
    switch (hint) {
    case SH_ToolTip_WakeUpDelay: return 500;
    case SH_ComboBox_Popup: return 0;
    case SH_EtchDisabledText: return 0;
    case SH_ItemView_ShowDecorationSelected: return 1;
    case SH_DialogButtonBox_ButtonsHaveIcons: return 0;
    default: return QProxyStyle::styleHint(hint, option, widget, data);
    }
}

} // namespace facet::ui
