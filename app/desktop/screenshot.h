// Pictures of the program made by itself, for the README and for looking at changes (--screenshot).
#pragma once

#include <QString>

class QWidget;
namespace facet::chat {
class ScriptedUser;
}

// Saves the window a moment after the scripted user is done (or at once without one) and quits.
void saveScreenshotWhenDone(QWidget *window, facet::chat::ScriptedUser *user, const QString &path);
