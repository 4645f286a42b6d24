// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/update.h"
#include "core/capture/workspace.h"

#include <QWidget>

#include <memory>
#include <vector>

class QAction;

namespace poolscope {

class SessionStore;
class ViewContext;

/// One page of the sidebar: one view, one question. The window hands it every update and calls it
/// by this interface alone. A page that is not shown may put off its work until shown.
class Page : public QWidget
{
    Q_OBJECT
public:
    using QWidget::QWidget;

    /// As on the command line: "sessions".
    virtual QString name() const = 0;
    /// In the sidebar: "Sessions".
    virtual QString title() const = 0;
    /// A name in :/icons/NAME.svg.
    virtual QString iconName() const = 0;
    /// Beside the title in the sidebar; 0 shows nothing.
    virtual int count() const { return 0; }

    /// The store that it reads has it already.
    virtual void apply(const Update& update) = 0;
    virtual void setTransport(const Transport& transport) = 0;
    /// Ctrl+1 to Ctrl+9: its keys work at once. The first table that is shown gets the focus.
    virtual void focusContent();
    /// Ctrl+F or /: gives the page's filter the focus; pages without one do nothing.
    virtual void focusFilter() {}
    /// Ctrl+K and links: narrows the page to this text.
    virtual void setFilter(const QString& text) { Q_UNUSED(text) }
    /// G: the next grouping.
    virtual void nextGrouping() {}
    /// Esc: clears filter, then zoom, then selection; true if there was something to clear.
    virtual bool clearOne() { return false; }
    /// Of the letters I, A, L, B, J and G those that would do something now, for the window's
    /// Session menu, which then has them served as if they had been typed into the page's table.
    virtual QString letters() const { return {}; }
    virtual void serveLetter(int key) { Q_UNUSED(key) }
    /// For the window's Session menu.
    virtual std::vector<SessionRow> selectedSessions() const { return {}; }

signals:
    void countChanged(int count);
};

/// `store` is what they read; whoever hands on an update applies it there first, once for all.
std::vector<Page*> makePages(ViewContext& context, const std::shared_ptr<SessionStore>& store,
                             QWidget* parent);

} // namespace poolscope
