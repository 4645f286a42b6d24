// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/workspace.h"

#include <QWidget>

namespace poolscope {

class LinkButton;
class SessionStore;
class ViewContext;

/// The next step of a page about pools where no process with pools is attached: how one becomes
/// one.
class InstrumentLink : public QWidget
{
    Q_OBJECT
public:
    InstrumentLink(ViewContext& context, QWidget* parent);
    /// Shows itself, or not; `empty`: the page has nothing else to show.
    void offer(const SessionStore& store, const Transport& transport, bool empty);

private:
    LinkButton* link_;
};

} // namespace poolscope
