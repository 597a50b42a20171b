#include "ui/main_window.h"

namespace facet::ui {

class MainWindow::Parts {};

MainWindow::MainWindow(chat::ChatController *, RecorderPort *, QWidget *parent) : QMainWindow(parent) {}
MainWindow::~MainWindow() = default;
void MainWindow::useSettings(QSettings *) {}
void MainWindow::attachFiles(const QStringList &) {}
void MainWindow::closeEvent(QCloseEvent *event) { QMainWindow::closeEvent(event); }
void MainWindow::dragEnterEvent(QDragEnterEvent *event) { QMainWindow::dragEnterEvent(event); }
void MainWindow::dropEvent(QDropEvent *event) { QMainWindow::dropEvent(event); }

}  // namespace facet::ui
