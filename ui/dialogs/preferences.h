// What the user sets about the window itself; everything about answers belongs to the controller.
#pragma once

#include "ui/theme/theme.h"

namespace facet::ui {

struct Preferences {
    Scheme scheme = Scheme::System;
    double textScale = 1.0; // 0.8 .. 2.0
    bool enterSends = true;
    bool operator==(const Preferences &) const = default;
};

constexpr double kMinTextScale = 0.8, kMaxTextScale = 2.0;

} // namespace facet::ui
