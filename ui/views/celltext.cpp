// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/celltext.h"

#include "ui/theme/theme.h"

#include <QCache>
#include <QFontMetrics>
#include <QPainter>
#include <QStaticText>

#include <algorithm>
#include <array>
#include <optional>

namespace poolscope {

namespace {

struct Key
{
    QString text;
    int width = -1;
    std::size_t font = 0;
    friend bool operator==(const Key& a, const Key& b)
    {
        return a.width == b.width && a.font == b.font && a.text == b.text;
    }
};

std::size_t qHash(const Key& key, std::size_t seed = 0)
{
    return qHashMulti(seed, key.text, key.width, key.font);
}

/// Some screens full: one is about 650 cells, half of them new each second.
constexpr qsizetype mostTexts = 8192;

struct Kept
{
    Kept()
    {
        // Fonts depend on the desktop's size.
        QObject::connect(&Theme::current(), &Theme::changed, &Theme::current(), [this] {
            texts.clear();
            fonts = {};
        });
    }
    QCache<Key, QStaticText> texts{mostTexts};
    std::array<std::optional<QFont>, 6> fonts;
};

struct Laid
{
    const QFont& font;
    QStaticText& text;
};

/// `width` -1: whole.
Laid laidOut(const QString& text, int width, CellFont kind, QFont::Weight weight)
{
    static Kept kept;
    const std::size_t at = (kind == CellFont::mono ? 3U : 0U) + (weight == QFont::DemiBold ? 2U
                                                                 : weight == QFont::Medium ? 1U
                                                                                           : 0U);
    std::optional<QFont>& font = kept.fonts.at(at);
    if (!font)
        font = kind == CellFont::mono ? Theme::current().mono(12, weight)
                                      : Theme::current().ui(13, weight);
    const Key key{text, width, at};
    QStaticText* laid = kept.texts.object(key);
    if (!laid) {
        laid = new QStaticText(
            width >= 0 ? QFontMetrics(*font).elidedText(text, Qt::ElideRight, width) : text);
        laid->setTextFormat(Qt::PlainText);
        laid->setPerformanceHint(QStaticText::AggressiveCaching);
        laid->prepare(QTransform(), *font);
        kept.texts.insert(key, laid);
    }
    return {*font, *laid};
}

} // namespace

int drawCellText(QPainter& painter, const QRect& area, const QString& text, CellFont kind,
                 QFont::Weight weight, bool right, bool elide)
{
    const Laid laid = laidOut(text, elide ? std::max(0, area.width()) : -1, kind, weight);
    const QSizeF size = laid.text.size();
    const double x = right ? area.right() + 1 - size.width() : area.left();
    painter.setFont(laid.font);
    painter.drawStaticText(QPointF(x, area.top() + (area.height() - size.height()) / 2), laid.text);
    return qCeil(size.width());
}

int cellTextWidth(const QString& text, CellFont kind, QFont::Weight weight)
{
    return qCeil(laidOut(text, -1, kind, weight).text.size().width());
}

} // namespace poolscope
