#include "ui/models/found_models.h"

#include "ui/theme/icons.h"
#include "ui/theme/theme.h"
#include "ui/widgets/plain_tip.h"

#include <QAbstractItemView>
#include <QLocale>
#include <QPainter>

#include <algorithm>

namespace facet::ui {

namespace {

using chat::FoundModel;

constexpr int kPadX = 10, kPadY = 8, kTile = 34;

int groupOf(const FoundModel &model) {
    if (model.obstacle != FoundModel::Obstacle::None) return 2;
    return model.role == FoundModel::Role::Model ? 0 : 1;
}

QString headingOf(int group) {
    switch (group) {
    case 0: return FoundModelsModel::tr("Ready to load");
    case 1: return FoundModelsModel::tr("Parts that go with a model");
    default: return FoundModelsModel::tr("Not for Facet");
    }
}

QString badgeOf(const FoundModel &model, bool inUse) {
    if (inUse) return FoundModelsModel::tr("In use");
    switch (model.role) {
    case FoundModel::Role::Model: break;
    case FoundModel::Role::Drafter: return FoundModelsModel::tr("Drafter");
    case FoundModel::Role::Projector: return FoundModelsModel::tr("Projector");
    }
    return {};
}

QString iconOf(const FoundModel &model) {
    switch (model.role) {
    case FoundModel::Role::Model: break;
    case FoundModel::Role::Drafter: return QStringLiteral("gauge");
    case FoundModel::Role::Projector: return QStringLiteral("picture");
    }
    return model.gguf ? QStringLiteral("model") : QStringLiteral("folder");
}

// Width of the words of a row beside tile and badge, and height of its reason in lines that fit into it.
int badgeWidth(const QString &badge, const QFontMetrics &caption) {
    return badge.isEmpty() ? 0 : caption.horizontalAdvance(badge) + 16;
}

int wordsWidth(int row, const QString &badge, const QFontMetrics &caption) {
    const int taken = badge.isEmpty() ? 0 : badgeWidth(badge, caption) + space::kS;
    return std::max(60, row - 2 * kPadX - kTile - space::kM - taken);
}

int reasonHeight(const QString &reason, int width, const QFontMetrics &caption) {
    return reason.isEmpty() ? 0 : caption.boundingRect(QRect(0, 0, width, 1000), Qt::TextWordWrap, reason).height() + 2;
}

} // namespace

QString foundDetails(const FoundModel &model) {
    QStringList parts{model.gguf ? FoundModelsModel::tr("GGUF file") : FoundModelsModel::tr("Folder")};
    if (model.bytes > 0) parts << QLocale().formattedDataSize(model.bytes, 1, QLocale::DataSizeSIFormat);
    if (!model.source.isEmpty()) parts << model.source;
    if (!model.projector.isEmpty()) parts << FoundModelsModel::tr("with a projector");
    return parts.join(QStringLiteral(" · "));
}

QString foundReason(const FoundModel &model) {
    switch (model.obstacle) {
    case FoundModel::Obstacle::None: break;
    case FoundModel::Obstacle::OtherFamily:
        return model.architecture.isEmpty()
                   ? FoundModelsModel::tr("Facet runs Gemma models only.")
                   : FoundModelsModel::tr("Facet runs Gemma models only; this one is “%1”.").arg(model.architecture);
    case FoundModel::Obstacle::Damaged: return FoundModelsModel::tr("The file is damaged or no model.");
    case FoundModel::Obstacle::Incomplete:
        return FoundModelsModel::tr("Its download is not complete. Finish it with the program that began it.");
    }
    switch (model.role) {
    case FoundModel::Role::Model: break;
    case FoundModel::Role::Drafter:
        return FoundModelsModel::tr("Makes the model it belongs to faster; it answers nothing by itself.");
    case FoundModel::Role::Projector:
        return FoundModelsModel::tr("Eyes and ears of the model beside it, which brings it along.");
    }
    return {};
}

void FoundModelsModel::setModels(const QVector<FoundModel> &models, const QString &inUse) {
    m_models = models;
    m_inUse = inUse;
    std::stable_sort(m_models.begin(), m_models.end(),
                     [](const FoundModel &a, const FoundModel &b) { return groupOf(a) < groupOf(b); });
    rebuild();
}

void FoundModelsModel::setFilter(const QString &words) {
    m_words = words.split(QLatin1Char(' '), Qt::SkipEmptyParts);
    rebuild();
}

void FoundModelsModel::rebuild() {
    beginResetModel();
    m_rows.clear();
    int group = -1;
    for (int i = 0; i < m_models.size(); ++i) {
        const QString text = m_models[i].name + QLatin1Char(' ') + m_models[i].source;
        const bool fits = std::all_of(m_words.begin(), m_words.end(), [&text](const QString &word) {
            return text.contains(word, Qt::CaseInsensitive);
        });
        if (!fits) {
            continue;
        }
        if (groupOf(m_models[i]) != group) {
            group = groupOf(m_models[i]);
            m_rows.append(Row{-1, headingOf(group)});
        }
        m_rows.append(Row{i, {}});
    }
    endResetModel();
}

int FoundModelsModel::shownModels() const {
    return int(std::count_if(m_rows.begin(), m_rows.end(), [](const Row &row) { return row.model >= 0; }));
}

int FoundModelsModel::firstModelRow() const {
    const auto first = std::find_if(m_rows.begin(), m_rows.end(), [](const Row &row) { return row.model >= 0; });
    return first == m_rows.end() ? -1 : int(first - m_rows.begin());
}

const FoundModel *FoundModelsModel::modelAt(const QModelIndex &index) const {
    if (!index.isValid() || index.row() >= m_rows.size() || m_rows[index.row()].model < 0) {
        return nullptr;
    }
    return &m_models[m_rows[index.row()].model];
}

int FoundModelsModel::rowCount(const QModelIndex &parent) const { return parent.isValid() ? 0 : int(m_rows.size()); }

QVariant FoundModelsModel::data(const QModelIndex &index, int role) const {
    if (!index.isValid() || index.row() >= m_rows.size()) {
        return {};
    }
    const FoundModel *model = modelAt(index);
    if (!model) {
        return role == Qt::DisplayRole || role == Qt::AccessibleTextRole ? m_rows[index.row()].heading : QVariant();
    }
    switch (role) {
    case Qt::DisplayRole: return model->name;
    case Qt::ToolTipRole: return plainTip(model->path);
    case Qt::AccessibleTextRole: {
        QStringList words{model->name, badgeOf(*model, isInUse(*model)), foundDetails(*model), foundReason(*model)};
        words.removeAll(QString());
        return words.join(QStringLiteral(", "));
    }
    default: return {};
    }
}

Qt::ItemFlags FoundModelsModel::flags(const QModelIndex &index) const {
    // What cannot be run is greyed but can be reached: its reason is worth reading.
    return modelAt(index) ? Qt::ItemIsEnabled | Qt::ItemIsSelectable | Qt::ItemNeverHasChildren : Qt::NoItemFlags;
}

QSize FoundModelsDelegate::sizeHint(const QStyleOptionViewItem &option, const QModelIndex &index) const {
    const auto *rows = static_cast<const FoundModelsModel *>(index.model());
    const QFontMetrics caption(type::caption(option.font));
    const FoundModel *model = rows->modelAt(index);
    if (!model) {
        return {100, caption.height() + (index.row() == 0 ? 8 : 20)};
    }
    const auto *view = qobject_cast<const QAbstractItemView *>(option.widget);
    const int width = wordsWidth(view ? view->viewport()->width() : option.rect.width(),
                                 badgeOf(*model, rows->isInUse(*model)), caption);
    const int words = QFontMetrics(type::strong(option.font)).height() + 2 + caption.height() + 2 +
                      reasonHeight(foundReason(*model), width, caption);
    return {100, std::max(kTile, words) + 2 * kPadY};
}

void FoundModelsDelegate::paint(QPainter *painter, const QStyleOptionViewItem &option, const QModelIndex &index) const {
    const auto *rows = static_cast<const FoundModelsModel *>(index.model());
    const Theme &theme = Theme::of(option.palette);
    const FoundModel *model = rows->modelAt(index);
    painter->save();
    painter->setRenderHint(QPainter::Antialiasing);
    const QFont caption = type::caption(option.font);
    if (!model) {
        painter->setFont(type::strong(caption));
        painter->setPen(theme.muted);
        painter->drawText(option.rect.adjusted(kPadX, 0, -kPadX, -4), Qt::AlignLeft | Qt::AlignBottom,
                          index.data(Qt::DisplayRole).toString());
        painter->restore();
        return;
    }
    const bool chosen = option.state & QStyle::State_Selected, focused = option.state & QStyle::State_HasFocus;
    if (chosen || option.state & QStyle::State_MouseOver) {
        painter->setPen(chosen && focused ? QPen(theme.accent, 2) : QPen(Qt::NoPen));
        painter->setBrush(chosen ? theme.accentSoft : theme.hover);
        painter->drawRoundedRect(QRectF(option.rect).adjusted(2, 1, -2, -1), 9, 9);
    }
    const bool runs = model->obstacle == FoundModel::Obstacle::None;
    const QRect inner = option.rect.adjusted(kPadX, kPadY, -kPadX, -kPadY);
    const QRectF tile(inner.left(), inner.center().y() - kTile / 2.0 + 0.5, kTile, kTile);
    painter->setPen(Qt::NoPen);
    painter->setBrush(runs ? (chosen ? theme.card : theme.accentSoft) : theme.sunken);
    painter->drawRoundedRect(tile, 9, 9);
    paintIcon(painter, runs ? iconOf(*model) : QStringLiteral("warning"), tile.adjusted(9, 9, -9, -9),
              runs ? theme.accent : theme.faint);
    QRect words = inner.adjusted(kTile + space::kM, 0, 0, 0);
    const QString badge = badgeOf(*model, rows->isInUse(*model));
    if (!badge.isEmpty()) {
        const QFontMetrics metrics(caption);
        const int width = badgeWidth(badge, metrics);
        const QRect pill(words.right() - width + 1, inner.center().y() - metrics.height() / 2 - 2, width,
                         metrics.height() + 5);
        painter->setBrush(Qt::NoBrush);
        painter->setPen(QPen(theme.borderStrong, 1));
        painter->drawRoundedRect(QRectF(pill).adjusted(0.5, 0.5, -0.5, -0.5), pill.height() / 2.0, pill.height() / 2.0);
        painter->setFont(caption);
        painter->setPen(theme.muted);
        painter->drawText(pill, Qt::AlignCenter, badge);
        words.setRight(pill.left() - space::kS);
    }
    const QFont strong = type::strong(option.font);
    const QFontMetrics strongMetrics(strong), captionMetrics(caption);
    const QString reason = foundReason(*model);
    const int nameHeight = strongMetrics.height() + 2, line = captionMetrics.height() + 2;
    words.setWidth(wordsWidth(option.rect.width(), badge, captionMetrics));
    const int forReason = reasonHeight(reason, words.width(), captionMetrics);
    QRect place(words.left(), inner.center().y() - (nameHeight + line + forReason) / 2 + 1, words.width(), nameHeight);
    const auto write = [painter](const QRect &where, const QString &text, const QFont &font, const QColor &ink) {
        painter->setFont(font);
        painter->setPen(ink);
        painter->drawText(where, Qt::AlignLeft | Qt::AlignVCenter | Qt::TextWordWrap, text);
    };
    write(place, strongMetrics.elidedText(model->name, Qt::ElideMiddle, place.width()), strong,
          runs ? theme.text : theme.faint);
    place = QRect(place.left(), place.bottom() + 1, place.width(), line);
    write(place, captionMetrics.elidedText(foundDetails(*model), Qt::ElideRight, place.width()), caption,
          runs ? theme.muted : theme.faint);
    if (forReason > 0) {
        write(QRect(place.left(), place.bottom() + 1, place.width(), forReason), reason, caption, theme.muted);
    }
    painter->restore();
}

} // namespace facet::ui
