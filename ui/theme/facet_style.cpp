#include "ui/theme/facet_style.h"

#include "ui/theme/theme.h"

#include <QAbstractButton>
#include <QAbstractItemView>
#include <QAbstractSpinBox>
#include <QComboBox>
#include <QLineEdit>
#include <QMenu>
#include <QPainter>
#include <QPainterPath>
#include <QScrollBar>
#include <QStyleFactory>
#include <QStyleOption>
#include <QToolButton>

namespace facet::ui {

namespace {

constexpr qreal kButtonRadius = 8;

bool has(const QWidget *widget, const char *property) { return widget && widget->property(property).toBool(); }

void panel(QPainter *painter, const QRect &rect, const QColor &fill, const QColor &line, qreal radius,
           qreal width = 1) {
    painter->save();
    painter->setRenderHint(QPainter::Antialiasing);
    painter->setPen(line.alpha() > 0 ? QPen(line, width) : QPen(Qt::NoPen));
    painter->setBrush(fill.alpha() > 0 ? QBrush(fill) : QBrush(Qt::NoBrush));
    const qreal inset = line.alpha() > 0 ? width / 2 : 0;
    painter->drawRoundedRect(QRectF(rect).adjusted(inset, inset, -inset, -inset), radius, radius);
    painter->restore();
}

QColor mixed(const QColor &a, const QColor &b, qreal share) {
    return QColor::fromRgbF(
        float(a.redF() * (1 - share) + b.redF() * share), float(a.greenF() * (1 - share) + b.greenF() * share),
        float(a.blueF() * (1 - share) + b.blueF() * share), float(a.alphaF() * (1 - share) + b.alphaF() * share));
}

// Fill and line of a push button in its state.
void drawButtonPanel(const QStyleOption *option, QPainter *painter, const QWidget *widget) {
    const Theme &theme = Theme::of(option->palette);
    const bool enabled = option->state & QStyle::State_Enabled;
    const bool hover = enabled && (option->state & QStyle::State_MouseOver);
    const bool down = option->state & (QStyle::State_Sunken | QStyle::State_On);
    QColor fill = theme.card;
    QColor line = theme.borderStrong;
    if (has(widget, kPrimary)) {
        fill = enabled ? theme.accent : theme.border;
        fill = down ? mixed(fill, theme.text, 0.16) : hover ? mixed(fill, theme.text, 0.08) : fill;
        line = Qt::transparent;
    } else if (has(widget, kQuiet)) {
        fill = down ? theme.accentSoft : hover ? theme.hover : QColor(Qt::transparent);
        line = theme.scheme == Scheme::HighContrast && hover ? theme.border : QColor(Qt::transparent);
    } else {
        fill = down ? theme.accentSoft : hover ? mixed(theme.card, theme.text, 0.05) : theme.card;
        line = enabled ? theme.borderStrong : theme.border;
    }
    panel(painter, option->rect, fill, line, has(widget, kRound) ? option->rect.height() / 2.0 : kButtonRadius);
}

void drawCheckBox(const QStyleOption *option, QPainter *painter, bool round) {
    const Theme &theme = Theme::of(option->palette);
    const bool on = option->state & QStyle::State_On;
    const bool enabled = option->state & QStyle::State_Enabled;
    const QColor mark = enabled ? theme.accent : theme.faint;
    panel(painter, option->rect, on ? mark : theme.card, on ? mark : theme.borderStrong,
          round ? option->rect.height() / 2.0 : 4);
    if (!on) {
        return;
    }
    painter->save();
    painter->setRenderHint(QPainter::Antialiasing);
    const QRectF r = option->rect;
    if (round) {
        painter->setPen(Qt::NoPen);
        painter->setBrush(theme.onAccent);
        painter->drawEllipse(r.center(), r.width() * 0.22, r.width() * 0.22);
    } else {
        painter->setPen(QPen(theme.onAccent, 1.8, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin));
        QPainterPath path(QPointF(r.x() + r.width() * 0.25, r.y() + r.height() * 0.52));
        path.lineTo(r.x() + r.width() * 0.43, r.y() + r.height() * 0.7);
        path.lineTo(r.x() + r.width() * 0.76, r.y() + r.height() * 0.32);
        painter->drawPath(path);
    }
    painter->restore();
}

} // namespace

FacetStyle::FacetStyle() : QProxyStyle(QStyleFactory::create(QStringLiteral("Fusion"))) {
    setObjectName(QLatin1String(kFacetStyleName));
}

void FacetStyle::polish(QWidget *widget) {
    QProxyStyle::polish(widget);
    if (qobject_cast<QAbstractButton *>(widget) || qobject_cast<QComboBox *>(widget) ||
        qobject_cast<QScrollBar *>(widget) || qobject_cast<QLineEdit *>(widget)) {
        widget->setAttribute(Qt::WA_Hover);
    }
    if (qobject_cast<QMenu *>(widget)) {
        widget->setAttribute(Qt::WA_TranslucentBackground);
    }
}

void FacetStyle::drawPrimitive(PrimitiveElement element, const QStyleOption *option, QPainter *painter,
                               const QWidget *widget) const {
    const Theme &theme = Theme::of(option->palette);
    switch (element) {
    case PE_PanelButtonCommand: drawButtonPanel(option, painter, widget); return;
    case PE_PanelButtonTool: {
        const bool down = option->state & (State_Sunken | State_On);
        const bool hover = (option->state & State_MouseOver) && (option->state & State_Enabled);
        if (has(widget, kPrimary)) {
            drawButtonPanel(option, painter, widget);
        } else if (down || hover) {
            panel(painter, option->rect, down ? theme.accentSoft : theme.hover, Qt::transparent, kButtonRadius);
        }
        return;
    }
    case PE_FrameFocusRect: {
        if (qobject_cast<const QAbstractItemView *>(widget)) {
            return; // rows draw their own, see CE_ItemViewItem
        }
        panel(painter, option->rect, Qt::transparent, has(widget, kPrimary) ? theme.text : theme.accent, kButtonRadius,
              2);
        return;
    }
    case PE_FrameDefaultButton: return;
    case PE_Frame:
        if (qobject_cast<const QAbstractScrollArea *>(widget)) {
            const bool focus = widget->hasFocus();
            panel(painter, option->rect, Qt::transparent, focus ? theme.accent : theme.borderStrong,
                  space::kRadiusSmall, focus ? 2 : 1);
            return;
        }
        break;
    case PE_PanelLineEdit:
    case PE_FrameLineEdit: {
        if (const auto *edit = qobject_cast<const QLineEdit *>(widget); edit && !edit->hasFrame()) {
            return;
        }
        const bool focus = option->state & State_HasFocus;
        if (element == PE_PanelLineEdit) {
            panel(painter, option->rect, theme.card, focus ? theme.accent : theme.borderStrong, kButtonRadius,
                  focus ? 2 : 1);
        }
        return;
    }
    case PE_IndicatorCheckBox: drawCheckBox(option, painter, false); return;
    case PE_IndicatorRadioButton: drawCheckBox(option, painter, true); return;
    case PE_PanelMenu: panel(painter, option->rect, theme.card, theme.border, space::kRadius); return;
    case PE_FrameMenu: return;
    case PE_PanelItemViewItem: {
        const bool selected = option->state & State_Selected;
        const bool hover = (option->state & State_MouseOver) && (option->state & State_Enabled);
        if (selected || hover) {
            panel(painter, option->rect.adjusted(2, 1, -2, -1), selected ? theme.accentSoft : theme.hover,
                  Qt::transparent, kButtonRadius);
        }
        return;
    }
    case PE_PanelTipLabel: painter->fillRect(option->rect, theme.isDark() ? theme.card : theme.text); return;
    case PE_PanelStatusBar:
    case PE_FrameStatusBarItem: return;
    default: break;
    }
    QProxyStyle::drawPrimitive(element, option, painter, widget);
}

void FacetStyle::drawControl(ControlElement element, const QStyleOption *option, QPainter *painter,
                             const QWidget *widget) const {
    const Theme &theme = Theme::of(option->palette);
    switch (element) {
    case CE_PushButtonLabel:
        if (const auto *button = qstyleoption_cast<const QStyleOptionButton *>(option)) {
            QStyleOptionButton copy(*button);
            const bool enabled = option->state & State_Enabled;
            if (has(widget, kPrimary)) {
                copy.palette.setColor(QPalette::ButtonText, enabled ? theme.onAccent : theme.faint);
            } else if (has(widget, kDanger) && enabled) {
                copy.palette.setColor(QPalette::ButtonText, theme.danger);
            }
            QProxyStyle::drawControl(element, &copy, painter, widget);
            return;
        }
        break;
    case CE_ItemViewItem:
        if (const auto *item = qstyleoption_cast<const QStyleOptionViewItem *>(option)) {
            // A chosen row is tinted, not inverted: words and icons keep their colours.
            proxy()->drawPrimitive(PE_PanelItemViewItem, item, painter, widget);
            QStyleOptionViewItem copy(*item);
            copy.state &= ~(State_Selected | State_MouseOver | State_HasFocus);
            QProxyStyle::drawControl(element, &copy, painter, widget);
            if ((item->state & State_HasFocus) && (item->state & State_KeyboardFocusChange)) {
                panel(painter, item->rect.adjusted(2, 1, -2, -1), Qt::transparent, theme.accent, kButtonRadius, 2);
            }
            return;
        }
        break;
    case CE_HeaderSection: painter->fillRect(option->rect, theme.sunken); return;
    case CE_MenuItem: drawMenuItem(option, painter, widget); return;
    case CE_MenuBarEmptyArea: painter->fillRect(option->rect, theme.window); return;
    case CE_MenuBarItem:
        if (const auto *item = qstyleoption_cast<const QStyleOptionMenuItem *>(option)) {
            painter->fillRect(option->rect, theme.window);
            if (option->state & (State_Selected | State_Sunken)) {
                panel(painter, option->rect.adjusted(1, 2, -1, -2),
                      option->state & State_Sunken ? theme.accentSoft : theme.hover, Qt::transparent,
                      space::kRadiusSmall);
            }
            drawItemText(painter, item->rect, Qt::AlignCenter | Qt::TextShowMnemonic, item->palette,
                         item->state & State_Enabled, item->text, QPalette::ButtonText);
            return;
        }
        break;
    case CE_Splitter: {
        const bool hover = option->state & State_MouseOver;
        const QRect r = option->rect;
        const QRect line = r.width() < r.height() ? QRect(r.center().x(), r.y(), hover ? 2 : 1, r.height())
                                                  : QRect(r.x(), r.center().y(), r.width(), hover ? 2 : 1);
        painter->fillRect(line, hover ? theme.accent : theme.border);
        return;
    }
    case CE_ProgressBarGroove:
        panel(painter, option->rect, theme.border, Qt::transparent, option->rect.height() / 2.0);
        return;
    case CE_ProgressBarContents:
        if (const auto *bar = qstyleoption_cast<const QStyleOptionProgressBar *>(option)) {
            QRect r = bar->rect;
            const qint64 range = qint64(bar->maximum) - bar->minimum;
            if (range > 0) {
                r.setWidth(int(qMax<qint64>(r.height(), r.width() * (qint64(bar->progress) - bar->minimum) / range)));
            } else {
                r.adjust(r.width() / 3, 0, -r.width() / 3, 0);
            }
            panel(painter, r, theme.accent, Qt::transparent, r.height() / 2.0);
            return;
        }
        break;
    case CE_ProgressBarLabel: return;
    default: break;
    }
    QProxyStyle::drawControl(element, option, painter, widget);
}

void FacetStyle::drawMenuItem(const QStyleOption *option, QPainter *painter, const QWidget *) const {
    const auto *item = qstyleoption_cast<const QStyleOptionMenuItem *>(option);
    if (!item) {
        return;
    }
    const Theme &theme = Theme::of(option->palette);
    const QRect r = item->rect;
    if (item->menuItemType == QStyleOptionMenuItem::Separator) {
        painter->fillRect(QRect(r.x() + space::kM, r.center().y(), r.width() - 2 * space::kM, 1), theme.border);
        return;
    }
    const bool enabled = item->state & State_Enabled;
    if ((item->state & State_Selected) && enabled) {
        panel(painter, r.adjusted(4, 1, -4, -1), theme.accentSoft, Qt::transparent, space::kRadiusSmall);
    }
    const QColor ink = enabled ? theme.text : item->palette.color(QPalette::Disabled, QPalette::Text);
    const QRect mark(r.x() + 12, r.y() + (r.height() - 16) / 2, 16, 16);
    const QRect place = visualRect(item->direction, r, mark);
    if (item->checkType != QStyleOptionMenuItem::NotCheckable) {
        if (item->checked) {
            painter->save();
            painter->setRenderHint(QPainter::Antialiasing);
            painter->setPen(QPen(theme.accent, 2, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin));
            painter->drawPolyline(
                QPolygonF({QPointF(place.x() + 3, place.y() + 8.5), QPointF(place.x() + 6.5, place.y() + 12),
                           QPointF(place.x() + 13, place.y() + 4.5)}));
            painter->restore();
        }
    } else if (!item->icon.isNull()) {
        item->icon.paint(painter, place, Qt::AlignCenter, enabled ? QIcon::Normal : QIcon::Disabled);
    }
    const QRect textRect = visualRect(item->direction, r, r.adjusted(38, 0, -16, 0));
    const int tab = int(item->text.indexOf(QLatin1Char('\t')));
    painter->save();
    painter->setFont(item->font);
    painter->setPen(ink);
    painter->drawText(textRect, Qt::AlignVCenter | Qt::AlignLeft | Qt::TextShowMnemonic,
                      tab < 0 ? item->text : item->text.left(tab));
    if (tab >= 0) {
        painter->setPen(enabled ? theme.faint : ink);
        painter->drawText(textRect, Qt::AlignVCenter | Qt::AlignRight, item->text.mid(tab + 1));
    }
    if (item->menuItemType == QStyleOptionMenuItem::SubMenu) {
        painter->setRenderHint(QPainter::Antialiasing);
        painter->setPen(QPen(theme.muted, 1.5, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin));
        const QPointF c(r.right() - 14, r.center().y() + 0.5);
        painter->drawPolyline(QPolygonF({c + QPointF(-2, -4), c + QPointF(2, 0), c + QPointF(-2, 4)}));
    }
    painter->restore();
}

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
            if (has(widget, kPrimary)) {
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

QSize FacetStyle::sizeFromContents(ContentsType type, const QStyleOption *option, const QSize &size,
                                   const QWidget *widget) const {
    QSize result = QProxyStyle::sizeFromContents(type, option, size, widget);
    switch (type) {
    case CT_PushButton: return {result.width() + 12, qMax(result.height() + 6, 34)};
    case CT_LineEdit: return {result.width(), qMax(result.height() + 8, 34)};
    case CT_ComboBox: return {result.width() + 16, qMax(result.height() + 6, 34)};
    case CT_SpinBox: return {result.width() + 8, qMax(result.height() + 6, 34)};
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
