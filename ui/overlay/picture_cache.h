// Pictures of the media store, decoded off the GUI thread, upright, no larger than needed. Ask while painting: what is
// there is drawn, what is not arrives with loaded().
#pragma once

#include <QCache>
#include <QHash>
#include <QImage>
#include <QObject>
#include <QSize>
#include <QThreadPool>

namespace facet::ui {

// Limits on what is decoded at all; larger pictures show as a named tile.
constexpr qint64 kMaxDecodedPixels = 120'000'000;

struct DecodedPicture {
    QImage image;   // null: could not be read
    QSize fullSize; // upright pixels of the file
    QString problem;
};
// Reads one picture so that it fits into `edge` x `edge` pixels. Used by the workers; safe on any thread.
DecodedPicture decodePicture(const QString &path, int edge);

class PictureCache : public QObject {
    Q_OBJECT
public:
    explicit PictureCache(QObject *parent = nullptr);
    ~PictureCache() override;

    // An image whose longer side is at least `edge` device pixels (or the whole picture); null: not there yet, or
    // never.
    QImage picture(const QString &path, int edge);
    QString problem(const QString &path) const { return m_problems.value(path); }

signals:
    void loaded(const QString &path);

private:
    void start(const QString &path, int edge);

    QCache<QString, QImage> m_images;   // cost in KiB
    QHash<QString, int> m_running;      // key -> 1
    QHash<QString, QString> m_problems; // path -> sentence
    QThreadPool m_pool;
};

} // namespace facet::ui
