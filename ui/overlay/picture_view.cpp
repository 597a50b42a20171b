#include "ui/overlay/picture_view.h"

#include "ui/overlay/picture_cache.h"
#include "ui/theme/facet_style.h"
#include "ui/theme/icons.h"
#include "ui/theme/theme.h"
#include "ui/transcript/words.h"

#include <QApplication>
#include <QClipboard>
#include <QGraphicsPixmapItem>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QListWidget>
#include <QPushButton>
#include <QShortcut>
#include <QToolButton>
#include <QWheelEvent>

#include <algorithm>
#include <cmath>

namespace facet::ui {

PictureView::PictureView(QWidget *parent) : QGraphicsView(parent) {
    setScene(new QGraphicsScene(this));
    m_picture = scene()->addPixmap(QPixmap());
    m_picture->setTransformationMode(Qt::SmoothTransformation);
    setRenderHints(QPainter::SmoothPixmapTransform | QPainter::Antialiasing);
    setDragMode(QGraphicsView::ScrollHandDrag);
    setTransformationAnchor(QGraphicsView::AnchorUnderMouse);
    setResizeAnchor(QGraphicsView::AnchorViewCenter);
    setViewportUpdateMode(QGraphicsView::FullViewportUpdate);
    setFrameShape(QFrame::NoFrame);
    setMouseTracking(true);
    viewport()->setMouseTracking(true);
    setAccessibleName(tr("Picture"));
}

void PictureView::setPicture(const QImage &image, const QSize &fullSize) {
    m_fullSize = fullSize.isEmpty() ? image.size() : fullSize;
    m_picture->setPixmap(QPixmap::fromImage(image));
    if (!image.isNull()) {
        m_picture->setTransform(QTransform::fromScale(double(m_fullSize.width()) / image.width(),
                                                      double(m_fullSize.height()) / image.height()));
    }
    scene()->setSceneRect(QRectF(QPointF(0, 0), QSizeF(m_fullSize)));
    if (m_fitted) {
        fit();
    }
}

void PictureView::setMarks(const QVector<OverlayMark> &marks) {
    m_marks = marks;
    m_highlighted = -1;
    viewport()->update();
}

void PictureView::highlight(int index) {
    if (index != m_highlighted) {
        m_highlighted = index;
        viewport()->update();
    }
}

void PictureView::zoomBy(double factor) {
    const double target = std::clamp(zoom() * factor, 0.02, 40.0);
    m_fitted = false;
    scale(target / zoom(), target / zoom());
}

void PictureView::fit() {
    m_fitted = true;
    if (m_fullSize.isEmpty()) {
        return;
    }
    const QSizeF room(std::max(1, viewport()->width() - 24), std::max(1, viewport()->height() - 24));
    const double scaleTo = std::min({room.width() / m_fullSize.width(), room.height() / m_fullSize.height(), 8.0});
    setTransform(QTransform::fromScale(scaleTo, scaleTo));
    centerOn(sceneRect().center());
}

void PictureView::wheelEvent(QWheelEvent *event) {
    zoomBy(std::pow(1.0015, event->angleDelta().y()));
    event->accept();
}

void PictureView::keyPressEvent(QKeyEvent *event) {
    switch (event->key()) {
    case Qt::Key_Plus:
    case Qt::Key_Equal: zoomBy(1.25); return;
    case Qt::Key_Minus: zoomBy(0.8); return;
    case Qt::Key_0: fit(); return;
    case Qt::Key_1: zoomBy(1.0 / zoom()); return;
    default: QGraphicsView::keyPressEvent(event);
    }
}

int PictureView::markUnder(const QPoint &position) const {
    if (m_picture->pixmap().isNull()) {
        return -1;
    }
    const QRectF picture = mapFromScene(sceneRect()).boundingRect();
    return markAt(m_marks, picture, position);
}

void PictureView::mouseMoveEvent(QMouseEvent *event) {
    if (event->buttons() == Qt::NoButton) {
        const int index = markUnder(event->position().toPoint());
        if (index != m_highlighted) {
            highlight(index);
            emit markHovered(index);
        }
    }
    QGraphicsView::mouseMoveEvent(event);
}

void PictureView::mousePressEvent(QMouseEvent *event) {
    if (const int index = markUnder(event->position().toPoint()); index >= 0) {
        highlight(index);
        emit markClicked(index);
    }
    QGraphicsView::mousePressEvent(event);
}

void PictureView::resizeEvent(QResizeEvent *event) {
    QGraphicsView::resizeEvent(event);
    if (m_fitted) {
        fit();
    }
}

void PictureView::drawBackground(QPainter *painter, const QRectF &rect) {
    painter->fillRect(rect, Theme::of(palette()).sunken);
}

// Marks are drawn in widget coordinates: lines and labels keep their size at every zoom.
void PictureView::drawForeground(QPainter *painter, const QRectF &) {
    if (m_marks.isEmpty() || m_picture->pixmap().isNull()) { // boxes over nothing would only puzzle
        return;
    }
    painter->save();
    painter->resetTransform();
    const QRectF picture = viewportTransform().mapRect(sceneRect());
    paintMarks(painter, picture, m_marks, type::strong(type::caption(font())), m_highlighted);
    painter->restore();
}

PictureDialog::PictureDialog(PictureCache *pictures, const QString &path, const QString &name, const QSize &fullSize,
                             const QVector<OverlayMark> &marks, QWidget *parent)
    : QDialog(parent), m_pictures(pictures), m_path(path), m_fullSize(fullSize), m_marks(marks) {
    setWindowTitle(name.isEmpty() ? tr("Picture") : name);
    resize(1040, 720);
    m_view = new PictureView(this);
    m_list = new QListWidget(this);
    m_list->setAccessibleName(tr("Found objects"));
    m_list->setFrameShape(QFrame::NoFrame);
    m_list->setMouseTracking(true);
    m_list->setSpacing(2);
    m_list->viewport()->setAutoFillBackground(false);
    for (int i = 0; i < marks.size(); ++i) {
        const OverlayMark &mark = marks[i];
        QPixmap swatch(24, 24);
        swatch.fill(Qt::transparent);
        QPainter painter(&swatch);
        painter.setRenderHint(QPainter::Antialiasing);
        painter.setPen(Qt::NoPen);
        painter.setBrush(Theme::labelColour(mark.colour));
        painter.drawRoundedRect(QRectF(4, 4, 16, 16), mark.point ? 8 : 4, mark.point ? 8 : 4);
        const QString label = mark.label.isEmpty() ? tr("unnamed") : mark.label;
        const QString place = mark.point
                                  ? tr("at %1, %2").arg(qRound(mark.pixels.left())).arg(qRound(mark.pixels.top()))
                                  : tr("%1 × %2 px at %3, %4")
                                        .arg(qRound(mark.pixels.width()))
                                        .arg(qRound(mark.pixels.height()))
                                        .arg(qRound(mark.pixels.left()))
                                        .arg(qRound(mark.pixels.top()));
        auto *item = new QListWidgetItem(QIcon(swatch), label + QLatin1Char('\n') + place, m_list);
        item->setData(Qt::AccessibleTextRole, label + QStringLiteral(", ") + place);
    }
    auto *copy = new QPushButton(icon(QStringLiteral("copy")), tr("&Copy as JSON"), this);
    copy->setEnabled(!marks.isEmpty());
    copy->setToolTip(marks.isEmpty() ? tr("The answer marks nothing in this picture.") : QString());
    connect(copy, &QPushButton::clicked, this, [this] { QApplication::clipboard()->setText(marksAsJson(m_marks)); });
    const auto tool = [this](const QString &iconName, const QString &text, auto slot) {
        auto *button = new QToolButton(this);
        button->setIcon(icon(iconName));
        button->setToolTip(text);
        button->setAccessibleName(text);
        connect(button, &QToolButton::clicked, m_view, slot);
        return button;
    };
    m_problem = new QLabel(this);
    m_problem->setWordWrap(true);
    m_problem->hide();

    auto *side = new QVBoxLayout;
    auto *head = new QLabel(marks.isEmpty() ? tr("Nothing marked") : objectCountText(marks.size()), this);
    head->setFont(type::strong(head->font()));
    side->setContentsMargins(space::kL, space::kL, space::kL, space::kL);
    side->addWidget(head);
    side->addWidget(m_list, 1);
    side->addWidget(m_problem);
    auto *zoomRow = new QHBoxLayout;
    zoomRow->addWidget(tool(QStringLiteral("zoom-out"), tr("Zoom out"), [this] { m_view->zoomBy(0.8); }));
    zoomRow->addWidget(tool(QStringLiteral("zoom-in"), tr("Zoom in"), [this] { m_view->zoomBy(1.25); }));
    zoomRow->addWidget(tool(QStringLiteral("fit"), tr("Fit to window"), [this] { m_view->fit(); }));
    zoomRow->addStretch(1);
    side->addLayout(zoomRow);
    side->addWidget(copy);
    auto *sidePanel = new QWidget(this);
    sidePanel->setLayout(side);
    sidePanel->setFixedWidth(270);
    auto *row = new QHBoxLayout(this);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(0);
    row->addWidget(m_view, 1);
    row->addWidget(sidePanel);

    m_view->setMarks(marks);
    connect(m_list, &QListWidget::currentRowChanged, m_view, &PictureView::highlight);
    connect(m_list, &QListWidget::itemEntered, this,
            [this](QListWidgetItem *item) { m_view->highlight(m_list->row(item)); });
    connect(m_view, &PictureView::markHovered, this, [this](int index) {
        if (index >= 0) m_list->setCurrentRow(index);
    });
    connect(m_view, &PictureView::markClicked, m_list, [this](int index) { m_list->setCurrentRow(index); });
    connect(m_pictures, &PictureCache::loaded, this, [this](const QString &loadedPath) {
        if (loadedPath == m_path) showPicture();
    });
    showPicture();
    m_view->setFocus();
}

void PictureDialog::showPicture() {
    m_view->setPicture(m_pictures->picture(m_path, 4096), m_fullSize);
    const QString problem =
        m_path.isEmpty() ? tr("The file of this picture is no longer there.") : m_pictures->problem(m_path);
    m_problem->setText(problem);
    m_problem->setVisible(!problem.isEmpty());
}

} // namespace facet::ui
