// Some sentences that wrap. A QLabel tries several widths each time it is asked for its size, and a layout asks often;
// this one knows the height for a width after the first time.
#pragma once

#include <QLabel>

namespace facet::ui {

class Paragraph : public QLabel {
    Q_OBJECT
public:
    explicit Paragraph(const QString &text, QWidget *parent = nullptr);

    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;
    bool hasHeightForWidth() const override { return true; }
    int heightForWidth(int width) const override;

private:
    mutable QString m_measuredText;
    mutable QFont m_measuredFont;
    mutable int m_measuredWidth = -1, m_height = 0;
};

} // namespace facet::ui
