// The page of the settings where keys are given to actions: a list, a field for the keys of the chosen one, what else has
// them already, and the way back to the keys that Facet comes with.
#pragma once

#include <QHash>
#include <QKeySequence>
#include <QList>
#include <QVariantMap>
#include <QWidget>

class QAction;
class QKeySequenceEdit;
class QLabel;
class QPushButton;
class QSettings;
class QTreeWidget;
class QTreeWidgetItem;

namespace facet::ui {

// An action is known by its objectName(); its own keys are kept in this dynamic property.
inline constexpr char kStandardKeys[] = "facetStandardKeys";

// Names of actions that have one of the keys; the action itself does not count.
QStringList actionsWith(const QKeySequence &keys, const QList<QAction *> &actions, const QAction *except);
// What was changed, "shortcuts/<objectName>" = "Ctrl+X; Ctrl+Y"; an action without an entry has its own keys.
void loadShortcuts(QSettings *settings, const QList<QAction *> &actions);
QVariantMap shortcutValues(const QList<QAction *> &actions); // to be kept; not valid: nothing, the action has its own

class ShortcutsPage : public QWidget {
    Q_OBJECT
public:
    explicit ShortcutsPage(QList<QAction *> actions, QWidget *parent = nullptr);

    QTreeWidget *list() const { return m_list; }
    QKeySequenceEdit *field() const { return m_field; }
    QLabel *notice() const { return m_notice; }

signals:
    void changed();

private:
    QAction *current() const;
    void showCurrent();
    void assign(const QKeySequence &keys);
    void reset(QAction *action);
    void refresh();

    QList<QAction *> m_actions;
    QTreeWidget *m_list;
    QKeySequenceEdit *m_field;
    QLabel *m_notice;
    QPushButton *m_clear, *m_reset, *m_resetAll;
    bool m_showing = false;
};

} // namespace facet::ui
