// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/models/formatter.h"
#include "ui/models/placewords.h"
#include "ui/theme/theme.h"
#include "ui/views/icicleview.h"

#include <QPainter>

#include <algorithm>
#include <cmath>

namespace poolscope {

namespace {

QColor mixed(const QColor& a, const QColor& b, double share)
{
    const auto mix = [share](int x, int y) {
        return static_cast<int>(x + (y - x) * share);
    };
    return {mix(a.red(), b.red()), mix(a.green(), b.green()), mix(a.blue(), b.blue())};
}

/// Neutral blue-greys; only a suspected line has a colour.
QColor groundOf(const IcicleCell& cell, bool path, bool hover, const Tokens& t)
{
    if (cell.suspected)
        return t.warnFill;
    QColor ground;
    if (cell.kind == IcicleKind::all)
        ground = t.header;
    else if (cell.kind == IcicleKind::library || cell.kind == IcicleKind::none)
        ground = t.dark ? t.header : mixed(t.header, t.text3, 0.25);
    else
        ground = mixed(t.header, t.state(SessionState::active), t.dark ? 0.16 : 0.13);
    if (path && cell.kind != IcicleKind::library)
        ground = t.dark ? mixed(ground, t.text, 0.13) : mixed(ground, t.surface, 0.5);
    return hover ? mixed(ground, t.text, 0.06) : ground;
}

QString functionOf(const IcicleCell& cell)
{
    return Formatter::line(cell.function.str(), 200);
}

} // namespace

QString icicleLine(const IcicleCell& cell)
{
    if (cell.file.empty())
        return {};
    QString file = Formatter::line(cell.file.str(), 400);
    file = file.mid(
        std::max(file.lastIndexOf(QLatin1Char('/')), file.lastIndexOf(QLatin1Char('\\'))) + 1);
    return fileAndLine(file, cell.line);
}

QString icicleName(const IcicleCell& cell)
{
    switch (cell.kind) {
    case IcicleKind::all:
        return IcicleView::tr("all pools");
    case IcicleKind::none:
        return IcicleView::tr("no stack was taken");
    case IcicleKind::target:
    case IcicleKind::pool: {
        QString name = functionOf(cell);
        return name.isEmpty() ? IcicleView::tr("without a name") : name;
    }
    case IcicleKind::library: {
        QString name = functionOf(cell);
        if (name.isEmpty())
            name = icicleLine(cell);
        if (name.isEmpty())
            name = IcicleView::tr("library");
        return cell.frames > 1 ? IcicleView::tr("%1, %2 frames").arg(name).arg(cell.frames) : name;
    }
    case IcicleKind::own:
        break;
    }
    QString name = functionOf(cell);
    if (!name.isEmpty())
        return name;
    const QString line = icicleLine(cell);
    return line.isEmpty() ? IcicleView::tr("function not reported") : line;
}

void IcicleView::paintCell(QPainter& painter, int at, const QRectF& area, bool path,
                           bool match) const
{
    const Theme& theme = Theme::current();
    const Tokens& t = theme.tokens();
    const IcicleCell& one = cell(at);
    const QRectF box(std::round(area.left()), area.top(),
                     std::max(1.0, std::round(area.right()) - std::round(area.left()) - 1),
                     area.height() - 1);
    painter.fillRect(box, groundOf(one, path, at == hover_, t));
    const auto outline = [&](const QColor& colour) {
        painter.setPen(QPen(colour, 2));
        painter.setBrush(Qt::NoBrush);
        painter.drawRect(box.adjusted(1, 1, -1, -1));
    };
    if (match)
        outline(t.accent);
    if (at == current_)
        outline(t.text);

    const bool library = one.kind == IcicleKind::library || one.kind == IcicleKind::none;
    const QColor ink = one.suspected ? (t.dark ? t.onAccent : t.text) : library ? t.text2 : t.text;
    const QFont mono = theme.mono(12, one.suspected ? QFont::DemiBold : QFont::Normal);
    const QFontMetricsF wide(mono);
    const double pad = theme.scaled(metrics::cellPadding);
    QRectF room = box.adjusted(pad, 0, -pad, 0);
    if (room.width() < 3 * wide.horizontalAdvance(QLatin1Char('0')))
        return;
    const QString line = library ? QString() : icicleLine(one);
    QString name = icicleName(one);
    // The line of a suspected place is never cut: it goes before the function's name.
    if (one.suspected && !line.isEmpty() &&
        wide.horizontalAdvance(name + QStringLiteral("  ") + line) > room.width() &&
        wide.horizontalAdvance(line) <= room.width())
        name = line;
    else if (one.kind == IcicleKind::own && !one.function.empty() &&
             wide.horizontalAdvance(name) > room.width())
        name = shortFunction({one.function, {}, 0, false}); // what it is, not where it lives
    painter.setFont(mono);
    painter.setPen(ink);
    const double used = wide.horizontalAdvance(name);
    const QString share = one.suspected ? tr("%1 %, suspected").arg(one.share * 100, 0, 'f', 1)
                                        : tr("%1 %").arg(one.share * 100, 0, 'f', 1);
    const double shareWide = wide.horizontalAdvance(share);
    if (used + shareWide + 3 * pad <= room.width()) {
        painter.drawText(room, Qt::AlignRight | Qt::AlignVCenter | Qt::TextSingleLine, share);
        room.setRight(room.right() - shareWide - 2 * pad);
    }
    painter.drawText(room, Qt::AlignLeft | Qt::AlignVCenter | Qt::TextSingleLine,
                     wide.elidedText(name, Qt::ElideRight, room.width()));
    if (line.isEmpty() || line == name)
        return;
    room.setLeft(room.left() + used + wide.horizontalAdvance(QLatin1Char(' ')));
    if (wide.horizontalAdvance(line) > room.width())
        return;
    if (!one.suspected)
        painter.setPen(t.text2);
    painter.drawText(room, Qt::AlignLeft | Qt::AlignVCenter | Qt::TextSingleLine, line);
}

void IcicleView::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    const Tokens& t = Theme::current().tokens();
    painter.fillRect(rect(), t.surface);
    const std::vector<int> path = pathTo(current_ >= 0 ? current_ : zoom_);
    std::size_t match = 0;
    int last = -1;
    for (int i = 0; i < static_cast<int>(cells_.size()); ++i) {
        while (match < matches_.size() && matches_[match] < i)
            ++match;
        const QRectF area = rectOf(i);
        if (area.width() < narrowestCell)
            continue;
        if (i == current_) {
            last = i; // its outline lies above its neighbours
            continue;
        }
        paintCell(painter, i, area, std::find(path.begin(), path.end(), i) != path.end(),
                  match < matches_.size() && matches_[match] == i);
    }
    if (last >= 0)
        paintCell(painter, last, rectOf(last), true,
                  std::binary_search(matches_.begin(), matches_.end(), last));
    if (hasFocus()) {
        painter.setPen(QPen(t.accent, 2));
        painter.setBrush(Qt::NoBrush);
        painter.drawRect(rect().adjusted(1, 1, -1, -1));
    }
}

} // namespace poolscope
