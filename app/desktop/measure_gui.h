// `facet --measure-gui`: plays a demanding user over made-up data (measure_data.h) and prints, for each situation, the
// most that one event handler kept the window's thread computing. Computing time, not time on the clock: on a busy machine
// the rest is waiting for a processor. The program ends with 1 if some step was over the limit of the watchdog.
#pragma once

#include "measure_data.h"
#include "watched_application.h"

#include <QTimer>

#include <functional>
#include <vector>

namespace facet::chat {
class ChatController;
}
namespace facet::ui {
class MainWindow;
}

class MeasureGui : public QObject {
    Q_OBJECT
public:
    // Begins by itself as soon as the window has shown itself. `buildingMs`: what making the window has taken.
    MeasureGui(WatchedApplication *application, facet::ui::MainWindow *window, facet::chat::ChatController *controller,
               const MeasureData &data, double buildingMs);

private:
    using Act = std::function<bool()>; // false: not yet, asked again a moment later
    struct Situation {
        const char *name;
        std::vector<Act> acts;
    };
    void plan(const MeasureData &data);
    void planDialogs();
    void tick();
    void take(const char *name);
    void finish();
    Act trigger(const char *action) const;
    Act closeDialog() const;

    WatchedApplication *m_application;
    facet::ui::MainWindow *m_window;
    facet::chat::ChatController *m_controller;
    std::vector<Situation> m_situations;
    size_t m_situation = 0, m_act = 0;
    int m_settle = 0;
    bool m_over = false;
    QTimer m_timer;
};
