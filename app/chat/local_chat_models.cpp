// The models of this computer: those used last, those of other programs, and how they are loaded.
#include "chat/demo_model.h"
#include "chat/load_settings.h"
#include "chat/local_chat_controller.h"

#include <QFileInfo>

namespace facet::chat {
namespace {
constexpr int kMaxRecentModels = 10;
}

void LocalChatController::rememberModel(const EngineState &state) {
    if (state.remote || state.modelPath.isEmpty()) {
        return;
    }
    m_services.settings->setValue(store::keys::kLastModel, state.demoModel ? QString() : state.modelPath);
    if (state.demoModel) {
        return;
    }
    QStringList recent = recentModels();
    recent.removeAll(state.modelPath);
    recent.prepend(state.modelPath);
    m_services.settings->setValue(store::keys::kRecentModels, QStringList(recent.mid(0, kMaxRecentModels)));
}

QStringList LocalChatController::recentModels() const {
    return m_services.settings->value(store::keys::kRecentModels).toStringList();
}

QString LocalChatController::modelTitle(const QString &path) const {
    const QString title = readLoadSettings(*m_services.settings, path).title;
    const QString name = QFileInfo(path).fileName();
    return !title.isEmpty() ? title : name.isEmpty() ? path : name;
}

// The way back to the demo model: it is in no folder that the user knows.
void LocalChatController::onModelsFound(QVector<FoundModel> models, const QString &problem) {
    if (const QString folder = demoModelFolder(); !folder.isEmpty() && problem.isEmpty()) {
        FoundModel demo;
        demo.path = folder;
        demo.name = tr("Demo model");
        demo.source = tr("built in");
        demo.architecture = QStringLiteral("gemma4");
        models.append(demo);
    }
    emit modelsFound(models, problem);
}

void LocalChatController::openFoundModel(const FoundModel &model) {
    LoadSettings settings = readLoadSettings(*m_services.settings, model.path);
    settings.projector = model.projector;
    settings.title = model.name;
    writeLoadSettings(*m_services.settings, model.path, settings);
    openModel(model.path);
}

LoadSettings LocalChatController::loadSettings() const {
    return readLoadSettings(*m_services.settings, m_local->state().modelPath);
}

void LocalChatController::setLoadSettings(const LoadSettings &settings) {
    const QString model = m_local->state().modelPath;
    if (settings == readLoadSettings(*m_services.settings, model)) {
        return;
    }
    writeLoadSettings(*m_services.settings, model, settings);
    if (!m_remote && !model.isEmpty()) {
        stop();
        m_local->openModel(model);
    }
}

} // namespace facet::chat
