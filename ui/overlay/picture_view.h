// A picture with its marks, full size: zoom, pan, hover and selection; PictureDialog adds the list beside it.
#pragma once

#include "ui/overlay/overlay.h"

#include <QDialog>
#include <QGraphicsView>
#include <QImage>

class QLabel;
class QListWidget;

namespace facet::ui {

class PictureCache;
class MarkItem;

class PictureView : public QGraphicsView {
    Q_OBJECT
public:
    explicit PictureView(QWidget *parent = nullptr);

    void setPicture(const QImage &image, const QSize &fullSize); // the scene is in pixels of the full picture
    void setMarks(const QVector<OverlayMark> &marks);
    void highlight(int index); // -1: none
    int highlighted() const { return m_highlighted; }
    double zoom() const { return transform().m11(); }
    void zoomBy(double factor);
    void fit();

signals:
    void markHovered(int index);
    void markClicked(int index);

protected:
    void wheelEvent(QWheelEvent *event) override;
    void keyPressEvent(QKeyEvent *event) override;
    void mouseMoveEvent(QMouseEvent *event) override;
    void mousePressEvent(QMouseEvent *event) override;
    void resizeEvent(QResizeEvent *event) override;
    void drawForeground(QPainter *painter, const QRectF &rect) override;
    void drawBackground(QPainter *painter, const QRectF &rect) override;

private:
    int markUnder(const QPoint &position) const;

    QGraphicsPixmapItem *m_picture = nullptr;
    QSize m_fullSize;
    QVector<OverlayMark> m_marks;
    int m_highlighted = -1;
    bool m_fitted = true;
};

class PictureDialog : public QDialog {
    Q_OBJECT
public:
    PictureDialog(PictureCache *pictures, const QString &path, const QString &name, const QSize &fullSize,
                  const QVector<OverlayMark> &marks, QWidget *parent = nullptr);

    PictureView *view() const { return m_view; }
    QListWidget *list() const { return m_list; }

private:
    void showPicture();

    PictureCache *m_pictures;
    QString m_path;
    QSize m_fullSize;
    QVector<OverlayMark> m_marks;
    PictureView *m_view;
    QListWidget *m_list;
    QLabel *m_problem;
};

} // namespace facet::ui
