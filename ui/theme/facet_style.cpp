#include "ui/theme/facet_style.h"

#include "ui/theme/facet_style_paint.h"
#include "ui/theme/icons.h"
#include "ui/theme/theme.h"

#include <QAbstractButton>
#include <QAbstractItemView>
#include <QAbstractSpinBox>
#include <QComboBox>
#include <QLineEdit>
#include <QMenu>
#include <QPainter>
#include <QPainterPath>
#include <QPlainTextEdit>
#include <QScrollBar>
#include <QStyleFactory>
#include <QStyleOption>
#include <QToolButton>

namespace facet::ui {

namespace {

// Fill and line of a push button in its state.
void drawButtonPanel(const QStyleOption *option, QPainter *painter, const QWidget *widget) {
    const Theme &theme = Theme::of(option->palette);
    const bool enabled = option->state & QStyle::State_Enabled;
    const bool hover = enabled && (option->state & QStyle::State_MouseOver);
    const bool down = option->state & (QStyle::State_Sunken | QStyle::State_On);
    QColor fill = theme.card;
    QColor line = theme.borderStrong;
    if (hasMark(widget, kPrimary)) {
        fill = enabled ? theme.accent : theme.border;
        fill = down ? mixed(fill, theme.text, 0.16) : hover ? mixed(fill, theme.text, 0.08) : fill;
        line = Qt::transparent;
    } else if (hasMark(widget, kQuiet)) {
        fill = down ? theme.accentSoft : hover ? theme.hover : QColor(Qt::transparent);
        line = theme.scheme == Scheme::HighContrast && hover ? theme.border : QColor(Qt::transparent);
    } else {
        fill = down ? theme.accentSoft : hover ? mixed(theme.card, theme.text, 0.05) : theme.card;
        line = enabled ? theme.borderStrong : theme.border;
    }
    panel(painter, option->rect, fill, line, hasMark(widget, kRound) ? option->rect.height() / 2.0 : kButtonRadius);
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

// Icons of Qt's own dialogs and fields: ours follow the theme and are drawn when they are needed.
QIcon FacetStyle::standardIcon(StandardPixmap which, const QStyleOption *option, const QWidget *widget) const {
    const auto ours = [](const char *name) { return icon(QLatin1String(name), Tint::Muted); };
    switch (which) {
    case SP_FileDialogNewFolder: return ours("plus");
    case SP_FileDialogDetailedView: return ours("text");
    case SP_FileDialogListView: return ours("boxes");
    case SP_FileDialogToParent:
    case SP_ArrowUp: return ours("chevron-up");
    case SP_FileDialogBack:
    case SP_ArrowBack:
    case SP_ArrowLeft: return ours("chevron-left");
    case SP_ArrowForward:
    case SP_ArrowRight: return ours("chevron-right");
    case SP_DirIcon:
    case SP_DirOpenIcon:
    case SP_DirClosedIcon:
    case SP_DirHomeIcon: return ours("folder");
    case SP_FileIcon: return ours("text");
    case SP_ComputerIcon:
    case SP_DriveHDIcon:
    case SP_DriveNetIcon: return ours("server");
    case SP_TrashIcon: return ours("trash");
    case SP_LineEditClearButton: return ours("close");
    default: return QProxyStyle::standardIcon(which, option, widget);
    }
}

namespace {
constexpr qreal kEditMargin = 8; // of text in a field of several lines, as wide as in those of one
} // namespace

void FacetStyle::polish(QWidget *widget) {
    QProxyStyle::polish(widget);
    if (qobject_cast<QAbstractButton *>(widget) || qobject_cast<QComboBox *>(widget) ||
        qobject_cast<QScrollBar *>(widget) || qobject_cast<QLineEdit *>(widget)) {
        widget->setAttribute(Qt::WA_Hover);
    }
    if (qobject_cast<QMenu *>(widget)) {
        widget->setAttribute(Qt::WA_TranslucentBackground);
    }
    if (auto *edit = qobject_cast<QPlainTextEdit *>(widget); edit && edit->frameShape() != QFrame::NoFrame) {
        edit->viewport()->setAutoFillBackground(false); // its square corners would cover the frame's round ones
        edit->document()->setDocumentMargin(kEditMargin);
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
        if (hasMark(widget, kPrimary)) {
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
        panel(painter, option->rect, Qt::transparent, hasMark(widget, kPrimary) ? theme.text : theme.accent, kButtonRadius,
              2);
        return;
    }
    case PE_FrameDefaultButton: return;
    case PE_Frame:
        if (qobject_cast<const QAbstractScrollArea *>(widget)) {
            const bool focus = widget->hasFocus();
            const bool edits = qobject_cast<const QPlainTextEdit *>(widget) != nullptr;
            panel(painter, option->rect, edits ? theme.card : QColor(Qt::transparent),
                  focus ? theme.accent : theme.borderStrong, edits ? kButtonRadius : space::kRadiusSmall, focus ? 2 : 1);
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
            if (hasMark(widget, kPrimary)) {
                copy.palette.setColor(QPalette::ButtonText, enabled ? theme.onAccent : theme.faint);
            } else if (hasMark(widget, kDanger) && enabled) {
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

} // namespace facet::ui
