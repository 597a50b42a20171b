// A transcript on its own, with what its tests need again and again.
#pragma once

#include "ui/overlay/picture_cache.h"
#include "ui/theme/theme.h"
#include "ui/transcript/transcript_view.h"

#include <QTest>

#include <memory>

namespace facet::tests {

inline chat::Message user(const QString &text) {
    chat::Message message;
    message.text = text;
    return message;
}

inline chat::Message assistant(const QString &text, chat::MessageState state = chat::MessageState::Complete) {
    chat::Message message;
    message.role = chat::Role::Assistant;
    message.text = text;
    message.state = state;
    return message;
}

inline QVector<chat::Message> longChat(int turns) {
    QVector<chat::Message> messages;
    for (int i = 0; i < turns; ++i) {
        messages << user(QStringLiteral("Question %1").arg(i))
                 << assistant(QStringLiteral("Answer %1 has **two** paragraphs.\n\nThis is the second one, a little "
                                             "longer than the first one was.")
                                  .arg(i));
    }
    return messages;
}

struct TranscriptScene {
    std::unique_ptr<ui::PictureCache> pictures = std::make_unique<ui::PictureCache>();
    std::unique_ptr<ui::TranscriptView> view = std::make_unique<ui::TranscriptView>(pictures.get());

    bool show() {
        view->resize(800, 600);
        view->show();
        return QTest::qWaitForWindowExposed(view.get());
    }
    ui::SpotPlace spotNamed(int message, ui::SpotAction action) {
        for (const ui::SpotPlace &place : view->spotsOf(message)) {
            if (view->spotAt(place).action == action) return place;
        }
        return {};
    }
};

} // namespace facet::tests
