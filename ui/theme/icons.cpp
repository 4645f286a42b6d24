// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/theme/icons.h"

#include "ui/theme/theme.h"

#include <QFile>
#include <QIconEngine>
#include <QPainter>
#include <QPixmapCache>
#include <QSvgRenderer>

#include <cmath>

namespace poolscope {

namespace {

class SvgEngine final : public QIconEngine
{
public:
    SvgEngine(QString name, QByteArray svg, const QColor& fixed)
        : name_(std::move(name))
        , svg_(std::move(svg))
        , fixed_(fixed)
    {}

    QIconEngine* clone() const override { return new SvgEngine(*this); }

    void paint(QPainter* painter, const QRect& rect, QIcon::Mode mode, QIcon::State) override
    {
        QSvgRenderer renderer(coloured(mode));
        renderer.render(painter, QRectF(rect));
    }

    QPixmap pixmap(const QSize& size, QIcon::Mode mode, QIcon::State state) override
    {
        return scaledPixmap(size, mode, state, 1.0);
    }

    QPixmap scaledPixmap(const QSize& size, QIcon::Mode mode, QIcon::State state,
                         qreal scale) override
    {
        const QString key = QStringLiteral("poolscope/%1/%2/%3x%4@%5")
                                .arg(name_, colour(mode).name(QColor::HexArgb))
                                .arg(size.width())
                                .arg(size.height())
                                .arg(scale);
        QPixmap pixmap;
        if (QPixmapCache::find(key, &pixmap))
            return pixmap;
        // Qt hands the size in device pixels here; the caller sets the ratio on what it gets.
        pixmap = QPixmap(size);
        pixmap.fill(Qt::transparent);
        QPainter painter(&pixmap);
        paint(&painter, QRect(QPoint(), size), mode, state);
        painter.end();
        QPixmapCache::insert(key, pixmap);
        return pixmap;
    }

    bool isNull() override { return svg_.isEmpty(); }
    QString iconName() override { return name_; }

private:
    QColor colour(QIcon::Mode mode) const
    {
        const Tokens& t = Theme::current().tokens();
        if (mode == QIcon::Disabled)
            return t.text3;
        return fixed_.isValid() ? fixed_ : t.text;
    }

    QByteArray coloured(QIcon::Mode mode) const
    {
        QByteArray svg = svg_;
        return svg.replace("currentColor", colour(mode).name().toLatin1());
    }

    QString name_;
    QByteArray svg_;
    QColor fixed_;
};

QByteArray svgNamed(const QString& name)
{
    QFile file(QStringLiteral(":/icons/%1.svg").arg(name));
    if (!file.open(QIODevice::ReadOnly))
        return {};
    return file.readAll();
}

} // namespace

QIcon themedIcon(const QString& name)
{
    return themedIcon(name, QColor());
}

QIcon themedIcon(const QString& name, const QColor& colour)
{
    const QByteArray svg = svgNamed(name);
    if (svg.isEmpty())
        return {};
    return QIcon(new SvgEngine(name, svg, colour));
}

QIcon applicationIcon()
{
    return themedIcon(QStringLiteral("org.poolscope.Poolscope"));
}

} // namespace poolscope
