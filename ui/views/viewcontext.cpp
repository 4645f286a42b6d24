// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/viewcontext.h"

namespace poolscope {

namespace {
constexpr Duration defaultRange = std::chrono::minutes{15};
}

ViewContext::ViewContext(Workspace& workspace, QObject* parent)
    : QObject(parent)
    , workspace_(workspace)
{
    follow(workspace.transport().cursor);
    connect(&workspace, &Workspace::transportChanged, this,
            [this](const Transport& transport) { follow(transport.cursor); });
}

void ViewContext::select(const std::optional<SessionKey>& session)
{
    if (selection_ == session)
        return;
    selection_ = session;
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
    follow(workspace_.transport().cursor);
}

void ViewContext::follow(Timestamp cursor)
{
    if (!follows_ || (to_ == cursor && from_ == cursor - defaultRange))
        return;
    to_ = cursor;
    from_ = cursor - defaultRange;
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
