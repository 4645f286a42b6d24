// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/viewcontext.h"

#include <algorithm>

namespace poolscope {

namespace {
constexpr Duration defaultRange = std::chrono::minutes{15};
constexpr Duration shortestRange = std::chrono::minutes{2};
/// Of a recording: nothing comes after its end.
constexpr Duration shortestReplay = std::chrono::seconds{20};
} // namespace

ViewContext::ViewContext(Workspace& workspace, QObject* parent)
    : QObject(parent)
    , workspace_(workspace)
{
    follow(workspace.transport());
    connect(&workspace, &Workspace::transportChanged, this, &ViewContext::follow);
}

void ViewContext::select(const std::optional<SessionKey>& session)
{
    if (selection_ == session)
        return;
    selection_ = session;
    offered_ = false;
    mayOffer_ = false;
    emit selectionChanged(selection_);
}

void ViewContext::offer(const std::optional<SessionKey>& session)
{
    const bool other = selection_ != session;
    selection_ = session;
    offered_ = true;
    mayOffer_ = false;
    if (other)
        emit selectionChanged(selection_);
}

void ViewContext::setRange(Timestamp from, Timestamp to)
{
    follows_ = false;
    if (from >= to || (from == from_ && to == to_))
        return;
    from_ = from;
    to_ = to;
    emit rangeChanged(from_, to_);
}

void ViewContext::resetRange()
{
    follows_ = true;
    follow(workspace_.transport());
}

void ViewContext::follow(const Transport& transport)
{
    if (!follows_)
        return;
    Timestamp from = transport.cursor - defaultRange;
    Timestamp to = transport.cursor;
    if (transport.mode == Mode::live) {
        // A capture that has just begun fills the chart, not its last corner.
        from = std::max(from, std::min(transport.start, to - shortestRange));
    } else if (transport.end - transport.start <= defaultRange) {
        from = transport.start;
        to = std::max(transport.end,
                      from + (transport.mode == Mode::replay ? shortestReplay : shortestRange));
    } else if (transport.cursor >= from_ && transport.cursor <= to_ &&
               to_ - from_ == defaultRange) {
        return; // what comes after the cursor stays in sight
    } else {
        from = std::max(transport.start, transport.cursor - defaultRange * 2 / 3);
        to = from + defaultRange;
    }
    if (from == from_ && to == to_)
        return;
    from_ = from;
    to_ = to;
    emit rangeChanged(from_, to_);
}

void ViewContext::setHover(const std::optional<Timestamp>& instant)
{
    if (hover_ == instant)
        return;
    hover_ = instant;
    emit hoverChanged(hover_);
}

void ViewContext::setUtc(bool utc)
{
    if (utc_ == utc)
        return;
    utc_ = utc;
    emit timeZoneChanged(utc_);
}

} // namespace poolscope
