// Facet's window: conversations on the left, the transcript in the centre, the composer at its foot. It talks to one
// ChatController and, where there is a microphone, to one RecorderPort; it reads no file and knows no model.
//
//     facet::ui::MainWindow window(&controller, &recorder);
//     window.useSettings(&settings);   // geometry, theme, text size; optional
//     window.show();
#pragma once

#include <QMainWindow>
#include <QStringList>

#include <memory>

class QJsonObject;
class QSettings;

namespace facet::chat {
class ChatController;
}

namespace facet::ui {

class RecorderPort;

class MainWindow : public QMainWindow {
    Q_OBJECT
public:
    // Neither is owned; both outlive the window. recorder may be null: then there is no microphone button to press.
    explicit MainWindow(chat::ChatController *controller, RecorderPort *recorder, QWidget *parent = nullptr);
    ~MainWindow() override;

    // Restores window state and preferences from here and keeps them there. Not owned.
    void useSettings(QSettings *settings);
    // Draws everything once into a picture that nobody sees: fonts, glyphs and icons are at hand when the window, shown
    // after this, paints itself and already has to answer to the user.
    void warmUp();
    // As if the user had dropped these files on the composer.
    void attachFiles(const QStringList &paths);
    // What the window shows, as values: for tests of the whole program (its keys are read there, nowhere else).
    QJsonObject describe();

protected:
    void closeEvent(QCloseEvent *event) override;
    void dragEnterEvent(QDragEnterEvent *event) override;
    void dropEvent(QDropEvent *event) override;

private:
    class Parts;
    std::unique_ptr<Parts> m_parts;
};

} // namespace facet::ui
