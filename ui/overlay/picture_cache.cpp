#include "ui/overlay/picture_cache.h"

#include <QImageReader>
#include <QPointer>

#include <algorithm>

namespace facet::ui {

namespace {

// Few sizes, so that a window being resized does not decode again at every pixel.
int bucketFor(int edge) {
    int bucket = 160;
    while (bucket < edge && bucket < 5120) bucket *= 2;
    return bucket;
}

QString keyFor(const QString &path, int bucket) { return QString::number(bucket) + QLatin1Char('|') + path; }

} // namespace

DecodedPicture decodePicture(const QString &path, int edge) {
    DecodedPicture result;
    QImageReader reader(path);
    reader.setDecideFormatFromContent(true);
    reader.setAutoTransform(true);
    const QSize stored = reader.size();
    if (!stored.isValid()) {
        result.problem = PictureCache::tr("This picture cannot be shown: %1.").arg(reader.errorString());
        return result;
    }
    if (qint64(stored.width()) * stored.height() > kMaxDecodedPixels) {
        result.problem = PictureCache::tr("This picture is too large to show (%1 × %2 pixels).")
                             .arg(stored.width())
                             .arg(stored.height());
        return result;
    }
    const bool turned = reader.transformation() & QImageIOHandler::TransformationRotate90;
    result.fullSize = turned ? stored.transposed() : stored;
    if (std::max(stored.width(), stored.height()) > edge) {
        reader.setScaledSize(stored.scaled(edge, edge, Qt::KeepAspectRatio).expandedTo({1, 1}));
    }
    result.image = reader.read();
    if (result.image.isNull()) {
        result.problem = PictureCache::tr("This picture cannot be shown: %1.").arg(reader.errorString());
    } else {
        result.image = std::move(result.image).convertToFormat(QImage::Format_ARGB32_Premultiplied);
    }
    return result;
}

PictureCache::PictureCache(QObject *parent) : QObject(parent) {
    m_images.setMaxCost(160 * 1024);
    m_pool.setMaxThreadCount(2);
}

PictureCache::~PictureCache() {
    m_pool.clear();
    m_pool.waitForDone();
}

QImage PictureCache::picture(const QString &path, int edge) {
    if (path.isEmpty()) {
        return {};
    }
    const int bucket = bucketFor(edge);
    if (const QImage *image = m_images.object(keyFor(path, bucket))) {
        return *image;
    }
    start(path, bucket);
    // Meanwhile any other size will do.
    for (int other = 160; other <= 5120; other *= 2) {
        if (const QImage *image = m_images.object(keyFor(path, other))) {
            return *image;
        }
    }
    return {};
}

void PictureCache::start(const QString &path, int edge) {
    const QString key = keyFor(path, edge);
    if (m_running.contains(key) || m_problems.contains(path)) {
        return;
    }
    m_running.insert(key, 1);
    // The destructor waits for the pool, so `this` outlives the worker; the result is handled on this thread.
    m_pool.start([this, path, key, edge] {
        const DecodedPicture decoded = decodePicture(path, edge);
        QMetaObject::invokeMethod(
            this,
            [this, path, key, decoded] {
                m_running.remove(key);
                if (decoded.image.isNull()) {
                    m_problems.insert(path, decoded.problem);
                } else {
                    m_images.insert(key, new QImage(decoded.image),
                                    int(std::max<qint64>(1, decoded.image.sizeInBytes() / 1024)));
                }
                emit loaded(path);
            },
            Qt::QueuedConnection);
    });
}

} // namespace facet::ui
