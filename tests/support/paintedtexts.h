// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFontMetricsF>
#include <QPaintDevice>
#include <QPaintEngine>
#include <QPainter>
#include <QWidget>

#include <vector>

namespace poolscope::support {

/// A text as it was painted, in px of the widget.
struct PaintedText
{
    QString text;
    QRectF ink;  ///< what its letters cover
    QRectF clip; ///< what was let through of it; empty: all
};

/// Takes down each text that is painted on it, and nothing else.
class TextEngine : public QPaintEngine
{
public:
    TextEngine()
        : QPaintEngine(AllFeatures)
    {}
    bool begin(QPaintDevice*) override { return true; }
    bool end() override { return true; }
    void updateState(const QPaintEngineState& state) override { transform_ = state.transform(); }
    Type type() const override { return User; }
    void drawTextItem(const QPointF& at, const QTextItem& item) override
    {
        const QRectF ink = QFontMetricsF(item.font()).tightBoundingRect(item.text());
        const QRectF clip =
            painter()->hasClipping() ? transform_.mapRect(painter()->clipBoundingRect()) : QRectF();
        if (!ink.isEmpty())
            texts.push_back({item.text(), transform_.mapRect(ink.translated(at)), clip});
    }
    void drawPixmap(const QRectF&, const QPixmap&, const QRectF&) override {}
    void drawTiledPixmap(const QRectF&, const QPixmap&, const QPointF&) override {}
    void drawImage(const QRectF&, const QImage&, const QRectF&, Qt::ImageConversionFlags) override
    {}
    void drawPath(const QPainterPath&) override {}
    void drawPolygon(const QPointF*, int, PolygonDrawMode) override {}
    void drawPolygon(const QPoint*, int, PolygonDrawMode) override {}
    void drawRects(const QRectF*, int) override {}
    void drawRects(const QRect*, int) override {}
    void drawLines(const QLineF*, int) override {}
    void drawLines(const QLine*, int) override {}
    void drawPoints(const QPointF*, int) override {}
    void drawPoints(const QPoint*, int) override {}
    void drawEllipse(const QRectF&) override {}
    void drawEllipse(const QRect&) override {}

    std::vector<PaintedText> texts;

private:
    QTransform transform_;
};

class TextDevice : public QPaintDevice
{
public:
    explicit TextDevice(const QSize& size)
        : size_(size)
    {}
    QPaintEngine* paintEngine() const override { return &engine_; }
    const std::vector<PaintedText>& texts() const { return engine_.texts; }

protected:
    int metric(PaintDeviceMetric metric) const override
    {
        switch (metric) {
        case PdmWidth:
            return size_.width();
        case PdmHeight:
            return size_.height();
        case PdmDpiX:
        case PdmDpiY:
        case PdmPhysicalDpiX:
        case PdmPhysicalDpiY:
            return 96;
        case PdmDepth:
            return 32;
        case PdmDevicePixelRatio:
            return 1;
        case PdmDevicePixelRatioScaled:
            return static_cast<int>(devicePixelRatioFScale());
        default:
            return QPaintDevice::metric(metric);
        }
    }

private:
    QSize size_;
    mutable TextEngine engine_;
};

/// What a widget and its children paint in letters, as they are shown.
inline std::vector<PaintedText> paintedTexts(QWidget& widget)
{
    TextDevice device(widget.size());
    widget.render(&device, QPoint(), QRegion(), QWidget::DrawChildren);
    return device.texts();
}

inline QString inWords(const QRectF& rect)
{
    return QStringLiteral("%1,%2 to %3,%4")
        .arg(rect.left())
        .arg(rect.top())
        .arg(rect.right())
        .arg(rect.bottom());
}

/// The first fault in how they are set, in words: letters beyond what is let through or beyond
/// `area`, or over those of another text. Empty: all can be read. What a font rounds, a pixel or
/// two, does not count.
inline QString faultIn(const std::vector<PaintedText>& texts, const QRectF& area)
{
    for (std::size_t i = 0; i < texts.size(); ++i) {
        const PaintedText& one = texts[i];
        const QRectF core = one.ink.adjusted(2, 1, -2, -1);
        if (!area.contains(core) || (!one.clip.isEmpty() && !one.clip.contains(core)))
            return QStringLiteral("\"%1\" at %2 is cut by %3")
                .arg(one.text, inWords(one.ink), inWords(area.contains(core) ? one.clip : area));
        for (std::size_t j = 0; j < i; ++j) {
            if (texts[j].ink.adjusted(2, 1, -2, -1).intersects(core))
                return QStringLiteral("\"%1\" lies over \"%2\"").arg(one.text, texts[j].text);
        }
    }
    return {};
}

} // namespace poolscope::support
