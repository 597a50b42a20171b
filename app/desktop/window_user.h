// The part of a scripted user that needs the window: drops files, presses buttons, types, closes it, and writes down what
// it shows. Every deed is a real event of Qt, sent to the widget that would get it from the window system.
//
//     {"drop": "scene.png"}  {"type": "Detect all shapes."}  {"press": "Send"}  {"key": "Ctrl+S"}  {"dump": "name"}  {"close": true}
//     {"do": "server"}  {"into": "Address", "type": "http://127.0.0.1:8080/v1"}  {"says": "It works"}
//
// "press" takes the accessible name of a button of the window or of a message; with "maybe": true it goes on without one.
// "do" takes the name of an action of the menus, "into" that of a field (what is in it is replaced); "says" waits until a
// label of the open dialog holds these words.
#pragma once

#include <QJsonObject>
#include <QPointer>
#include <QString>
#include <QWidget>

#include <functional>
#include <optional>

namespace facet::ui {
class MainWindow;
}

class WindowUser {
public:
    // `folder`: where relative paths begin. `dumpFile`: gets one line of JSON a dump; empty: none.
    // `more`: added to each dump.
    WindowUser(facet::ui::MainWindow *window, QString folder, QString dumpFile, std::function<QJsonObject()> more);

    // Nothing: not an action for the window; false: not possible yet.
    std::optional<bool> perform(const QJsonObject &action);

private:
    void drop(const QString &path);
    bool press(const QString &name);
    bool enter(const QString &field);
    bool says(const QString &words) const;
    void type(const QString &text);
    void key(const QString &name);
    bool dump(const QString &name);

    facet::ui::MainWindow *m_window;
    QPointer<QWidget> m_field; // that was entered last
    QString m_folder, m_dumpFile;
    std::function<QJsonObject()> m_more;
};
