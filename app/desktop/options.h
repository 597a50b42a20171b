// The command line of the desktop program.
#pragma once

#include <QSize>
#include <QString>
#include <QStringList>

class QCoreApplication;

struct Options {
    QString fakeEngine; // script of the engine, and of the user if it has one
    QString userScript; // "user" part of a script, played with the real engine
    QString screenshot; // PNG to write when the scripted user is done; the program ends then
    QString dump;       // file for the scripted user's notes of what the window shows
    QString model, dataDir;
    bool measureGui = false; // plays a demanding user over data of its own and prints what the window's thread computed
    QSize size;        // of the window; empty: as it was
    QStringList files; // to attach
};

// Prints help, version or what is wrong and ends the program where the command line says so.
Options readOptions(const QCoreApplication &application);
